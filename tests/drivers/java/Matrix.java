// MariaDB's and MySQL's Connector/J: java Matrix.java mariadb|mysql HOST PORT USER PASSWORD DATABASE

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.*;
import java.util.Arrays;
import java.util.stream.Stream;

public class Matrix {
    static boolean ofMysql;
    static String url;
    static String user;
    static String password;

    interface Work { Object run() throws Exception; }

    static void say(Object what) { System.out.println(what); }

    static Connection connect(String options) throws SQLException {
        return DriverManager.getConnection(url + "&" + options, user, password);
    }

    static void fails(Work work) {
        try {
            say("no error: " + work.run());
        } catch (SQLException error) {
            say("error " + error.getErrorCode() + " " + error.getSQLState());
        } catch (Exception error) {
            say("error " + error.getClass().getSimpleName());
        }
    }

    static String table(ResultSet rows) throws SQLException {
        StringBuilder out = new StringBuilder();
        ResultSetMetaData meta = rows.getMetaData();
        for (int i = 1; i <= meta.getColumnCount(); i++) {
            out.append(meta.getColumnLabel(i)).append(':').append(meta.getColumnTypeName(i)).append(' ');
        }
        while (rows.next()) {
            out.append("| ");
            for (int i = 1; i <= meta.getColumnCount(); i++) {
                Object value = rows.getObject(i);
                out.append(value instanceof byte[] ? Arrays.toString((byte[]) value) : String.valueOf(value)).append(' ');
            }
        }
        return out.toString();
    }

    static String query(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            if (!statement.execute(sql)) {
                return statement.getUpdateCount() + " rows";
            }
            return table(statement.getResultSet());
        }
    }

    static void options() throws Exception {
        say("== options");
        String[] all = {"", "useAffectedRows=true", ofMysql ? "sessionVariables=sql_mode='ANSI_QUOTES'" : "sessionVariables=sql_mode=ANSI_QUOTES",
            "useServerPrepStmts=true", "allowMultiQueries=true", "cacheCallableStmts=false"};
        String[] ofMysqlAlone = {"useCompression=true", "characterEncoding=ISO-8859-1", "connectionCollation=utf8mb4_bin",
            "trackSessionState=true", "useLocalSessionState=true", "useInformationSchema=true", "connectionTimeZone=UTC&forceConnectionTimeZoneToSession=true",
            "interactiveClient=true", "emptyStringsConvertToZero=false&noAccessToProcedureBodies=true", "sslMode=DISABLED"};
        if (ofMysql) {
            all = Stream.concat(Arrays.stream(all), Arrays.stream(ofMysqlAlone)).toArray(String[]::new);
        }
        for (String text : all) {
            try (Connection connection = connect(text)) {
                say(text + " " + connection.getCatalog() + " " + connection.getAutoCommit() + " " + connection.getTransactionIsolation());
                say(query(connection, "UPDATE items SET amount = amount WHERE id = 1"));
                say(query(connection, "SELECT @@sql_mode LIKE '%ANSI_QUOTES%' AS a, name FROM items WHERE id = 1"));
                connection.setCatalog("mysql");
                say(query(connection, "SELECT DATABASE()"));
            }
        }
        fails(() -> DriverManager.getConnection(url, user, "wrong"));
    }

    static void types(String options) throws Exception {
        say("== types " + options);
        try (Connection connection = connect(options)) {
            String sql = "INSERT INTO types (tiny, big, price, ratio, born, at, seen, name, bytes, body, doc, yes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
            try (PreparedStatement insert = connection.prepareStatement(sql, Statement.RETURN_GENERATED_KEYS)) {
                insert.setInt(1, -5);
                insert.setBigDecimal(2, new java.math.BigDecimal("18446744073709551615"));
                insert.setBigDecimal(3, new java.math.BigDecimal("12345.67890"));
                insert.setDouble(4, 1.5);
                insert.setDate(5, Date.valueOf("2020-02-29"));
                insert.setTime(6, Time.valueOf("10:11:12"));
                insert.setTimestamp(7, Timestamp.valueOf("2020-01-02 03:04:05.678901"));
                insert.setString(8, "größe");
                insert.setBytes(9, new byte[] {0, -1});
                insert.setCharacterStream(10, new java.io.StringReader("x".repeat(60000)));
                insert.setString(11, "[1, 2]");
                insert.setBoolean(12, true);
                say(insert.executeUpdate());
                try (ResultSet keys = insert.getGeneratedKeys()) {
                    keys.next();
                    say(keys.getLong(1));
                }
            }
            try (PreparedStatement read = connection.prepareStatement("SELECT id, tiny, big, price, ratio, born, at, seen, name, bytes, LENGTH(body), doc, yes FROM types WHERE id > ? ORDER BY id")) {
                read.setInt(1, 0);
                for (int i = 0; i < 3; i++) {
                    say(table(read.executeQuery()));
                }
            }
            try (PreparedStatement batch = connection.prepareStatement("INSERT INTO items (name, amount) VALUES (?, ?)")) {
                for (int i = 0; i < 100; i++) {
                    batch.setString(1, "batch" + i);
                    batch.setInt(2, i);
                    batch.addBatch();
                }
                say(batch.executeBatch().length);
            }
            say(query(connection, "SELECT COUNT(*), SUM(amount) FROM items WHERE name LIKE 'batch%'"));
            say(query(connection, "DELETE FROM items WHERE name LIKE 'batch%'"));
            try (Statement stream = connection.createStatement()) {
                stream.setFetchSize(2);
                say(table(stream.executeQuery("SELECT * FROM items ORDER BY id")));
            }
        }
    }

    // What pools do between two users of a connection, and statements with a time limit.
    static void pools() throws Exception {
        say("== pools");
        try (Connection connection = connect("trackSessionState=true")) {
            for (int i = 0; i < 3; i++) {
                query(connection, "SET @mine = " + i);
                query(connection, "SET SESSION sort_buffer_size = 300000");
                connection.getClass().getMethod("resetServerState").invoke(connection);
                say(query(connection, "SELECT @mine, @@sort_buffer_size = 300000"));
                connection.getClass().getMethod("changeUser", String.class, String.class).invoke(connection, user, password);
                say(connection.isValid(5) + query(connection, "SELECT COUNT(*) FROM items"));
                say(query(connection, "/* ping */ SELECT 1"));
            }
            try (Statement slow = connection.createStatement()) {
                slow.setQueryTimeout(1);
                try {
                    say(table(slow.executeQuery("SELECT SLEEP(20)")));
                } catch (SQLException error) {
                    say("out of time");
                }
            }
            say(query(connection, "SELECT COUNT(*) FROM items"));
            try (Statement several = connection.createStatement()) {
                several.addBatch("INSERT INTO items (name) VALUES ('several')");
                several.addBatch("UPDATE items SET amount = 7 WHERE name = 'several'");
                several.addBatch("DELETE FROM items WHERE name = 'several'");
                say(Arrays.toString(several.executeBatch()));
            }
            try (Statement updatable = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
                ResultSet rows = updatable.executeQuery("SELECT id, name, amount FROM items WHERE id = 1");
                rows.next();
                rows.updateInt("amount", 11);
                rows.updateRow();
                say(query(connection, "SELECT amount FROM items WHERE id = 1"));
                rows.updateInt("amount", 1);
                rows.updateRow();
            }
        }
    }

    static void transactions() throws Exception {
        say("== transactions");
        try (Connection one = connect(""); Connection two = connect("")) {
            one.setAutoCommit(false);
            say(query(one, "INSERT INTO items (name, amount) VALUES ('tx', 1)"));
            say(query(one, "SELECT COUNT(*) FROM items") + query(two, "SELECT COUNT(*) FROM items"));
            Savepoint savepoint = one.setSavepoint("s");
            query(one, "UPDATE items SET amount = 50 WHERE name = 'tx'");
            one.rollback(savepoint);
            one.commit();
            say(query(two, "SELECT amount FROM items WHERE name = 'tx'"));
            query(one, "DELETE FROM items WHERE name = 'tx'");
            one.commit();
            one.setAutoCommit(true);
            for (int level : new int[] {1, 2, 4, 8}) {
                one.setTransactionIsolation(level);
                say(one.getTransactionIsolation() + query(one, "SELECT COUNT(*) FROM items"));
            }
            one.setReadOnly(true);
            say(one.isReadOnly() + query(one, "SELECT COUNT(*) FROM items"));
        }
    }

    static void several() throws Exception {
        say("== several results");
        try (Connection connection = connect("allowMultiQueries=true")) {
            try (Statement statement = connection.createStatement()) {
                boolean isResult = statement.execute("SELECT 1; INSERT INTO items (name) VALUES ('multi'); SELECT COUNT(*) FROM items; DELETE FROM items WHERE name = 'multi'");
                while (isResult || statement.getUpdateCount() >= 0) {
                    say(isResult ? table(statement.getResultSet()) : statement.getUpdateCount());
                    isResult = statement.getMoreResults();
                }
            }
            try (CallableStatement call = connection.prepareCall("{call double_it(?, ?, ?)}")) {
                call.setInt(1, 4);
                call.registerOutParameter(2, Types.INTEGER);
                call.setInt(3, 5);
                call.registerOutParameter(3, Types.INTEGER);
                call.execute();
                say(call.getInt(2) + " " + call.getInt(3));
            }
            try (CallableStatement call = connection.prepareCall("CALL two_results()")) {
                call.execute();
                say(table(call.getResultSet()));
                say(call.getMoreResults() ? table(call.getResultSet()) : "no more");
            }
        }
    }

    static void infile() throws Exception {
        say("== files");
        Path file = Files.createTempFile("splitfin", ".csv");
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 2000; i++) {
            text.append("file").append(i).append(',').append(i).append('\n');
        }
        Files.writeString(file, text);
        try (Connection connection = connect(ofMysql ? "allowLoadLocalInfile=true" : "allowLocalInfile=true")) {
            String load = "LOAD DATA LOCAL INFILE '" + file + "' INTO TABLE items FIELDS TERMINATED BY ',' (name, amount)";
            say(query(connection, load));
            say(query(connection, "SELECT COUNT(*), SUM(amount) FROM items WHERE name LIKE 'file%'"));
            say(query(connection, "DELETE FROM items WHERE name LIKE 'file%'"));
            fails(() -> query(connection, load.replace("TABLE items", "TABLE nowhere")));
        }
        Files.delete(file);
    }

    static void cancellation() throws Exception {
        say("== cancellation");
        try (Connection connection = connect("")) {
            Statement statement = connection.createStatement();
            boolean[] done = {false};
            Thread canceller = new Thread(() -> {
                while (!done[0]) {
                    try {
                        Thread.sleep(50);
                        statement.cancel();
                    } catch (Exception error) {
                        return;
                    }
                }
            });
            canceller.start();
            try {
                say(table(statement.executeQuery("SELECT SLEEP(30)")));
            } catch (SQLException error) {
                // MySQL's says it in its own words, if it has heard of its own cancellation before the server's answer.
                say(ofMysql ? "error" : "error " + error.getErrorCode());
            }
            done[0] = true;
            canceller.join();
            fails(() -> query(connection, "DO 1").isEmpty());
            say(query(connection, "SELECT COUNT(*) FROM items"));
            say(connection.isValid(5));
        }
    }

    static void errors() throws Exception {
        say("== errors");
        try (Connection connection = connect("")) {
            fails(() -> query(connection, "SELEC 1"));
            fails(() -> query(connection, "SELECT * FROM nowhere"));
            fails(() -> query(connection, "INSERT INTO items (name) VALUES ('apple')"));
            try (Statement statement = connection.createStatement()) {
                statement.executeUpdate("INSERT IGNORE INTO items (name, amount) VALUES ('apple', 'x')");
                for (SQLWarning warning = statement.getWarnings(); warning != null; warning = warning.getNextWarning()) {
                    say("warning " + warning.getErrorCode() + " " + warning.getMessage());
                }
            }
            DatabaseMetaData meta = connection.getMetaData();
            say(meta.getDatabaseProductName() + " " + meta.getDatabaseProductVersion());
            try (ResultSet columns = meta.getColumns(connection.getCatalog(), null, "items", null)) {
                while (columns.next()) {
                    say(columns.getString("COLUMN_NAME") + " " + columns.getString("TYPE_NAME"));
                }
            }
        }
    }

    public static void main(String[] args) throws Exception {
        ofMysql = args[0].equals("mysql");
        url = "jdbc:" + args[0] + "://" + args[1] + ":" + args[2] + "/" + args[5] + "?allowPublicKeyRetrieval=true";
        user = args[3];
        password = args[4];
        options();
        types("");
        types("useServerPrepStmts=true");
        types("useServerPrepStmts=true&useBulkStmts=false&rewriteBatchedStatements=true");
        if (ofMysql) {
            types("useServerPrepStmts=true&useCursorFetch=true&cachePrepStmts=true");
            pools();
        }
        transactions();
        several();
        infile();
        cancellation();
        errors();
    }
}
