// MariaDB Connector/J: matched rows instead of changed ones, batches, server-side prepared statements.
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;

public class App {
    static void check(boolean holds, String what) {
        if (!holds) throw new IllegalStateException(what);
    }

    static int count(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT COUNT(*) FROM java_app FOR UPDATE")) {
            rows.next();
            return rows.getInt(1);
        }
    }

    public static void main(String[] arguments) throws Exception {
        String url = "jdbc:mariadb://" + arguments[0] + ":" + arguments[1] + "/" + arguments[4] + "?useServerPrepStmts=true";
        try (Connection connection = DriverManager.getConnection(url, arguments[2], arguments[3])) {
            try (Statement statement = connection.createStatement()) {
                statement.execute("DROP TABLE IF EXISTS java_app");
                statement.execute("CREATE TABLE java_app (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40))");
            }
            try (PreparedStatement insert = connection.prepareStatement("INSERT INTO java_app (name) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
                for (String name : new String[] {"größe", "it's"}) {
                    insert.setString(1, name);
                    insert.executeUpdate();
                }
                for (int i = 0; i < 10; i++) {
                    insert.setString(1, "batch " + i);
                    insert.addBatch();
                }
                insert.executeBatch();
            }
            try (PreparedStatement same = connection.prepareStatement("UPDATE java_app SET name = name WHERE id = ?")) {
                same.setInt(1, 1);
                check(same.executeUpdate() == 1, "matched rows count, also unchanged ones");
            }
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                statement.executeUpdate("DELETE FROM java_app");
            }
            check(count(connection) == 0, "the transaction sees its own change");
            connection.rollback();
            check(count(connection) == 12, "the rollback took it back");
            connection.commit();
            connection.setAutoCommit(true);
            try (Statement statement = connection.createStatement()) {
                statement.execute("DROP TABLE java_app");
            }
            check(connection.isValid(2), "it is still valid");
        }
        System.out.println("ok");
    }
}
