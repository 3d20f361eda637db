<?php
// mysqli over mysqlnd: mysqli.php HOST PORT USER PASSWORD DATABASE
[, $host, $port, $user, $password, $database] = $argv;
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

function open_with(array $options = [], int $flags = 0): mysqli
{
    global $host, $port, $user, $password, $database;
    $connection = mysqli_init();
    foreach ($options as $option => $value) {
        $connection->options($option, $value);
    }
    $connection->real_connect($host, $user, $password, $database, (int) $port, null, $flags);
    return $connection;
}

function say(...$what): void
{
    echo json_encode($what, JSON_PARTIAL_OUTPUT_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE), "\n";
}

function fails(callable $work): void
{
    try {
        say('no error', $work());
    } catch (mysqli_sql_exception $error) {
        say('error', $error->getCode(), $error->getSqlState());
    }
}

echo "== options\n";
$one = open_with([MYSQLI_INIT_COMMAND => "SET SESSION sql_mode = 'ANSI_QUOTES'", MYSQLI_OPT_INT_AND_FLOAT_NATIVE => 1]);
say($one->query('SELECT @@sql_mode, DATABASE(), "amount" FROM items WHERE id = 2')->fetch_row(), $one->character_set_name());
say($one->server_info, $one->protocol_version, $one->stat() !== '');
$one->set_charset('utf8mb4');
say($one->query('SELECT @@character_set_client, @@collation_connection')->fetch_row());
$one->select_db('mysql');
say($one->query('SELECT DATABASE()')->fetch_row());
$one->change_user($user, $password, $database);
say($one->query('SELECT DATABASE(), @@sql_mode LIKE \'%ANSI_QUOTES%\'')->fetch_row());
$one->close();
$found = open_with([], MYSQLI_CLIENT_FOUND_ROWS | MYSQLI_CLIENT_COMPRESS);
$found->query('UPDATE items SET amount = amount WHERE id = 1');
say($found->affected_rows, $found->info);
$found->close();

echo "== prepared\n";
$db = open_with();
$insert = $db->prepare('INSERT INTO types (tiny, big, price, ratio, born, seen, name, bytes, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
[$tiny, $big, $price, $ratio, $born, $seen, $name, $bytes, $doc] = [-5, '18446744073709551615', '12345.67890', 1.5, '2020-02-29', '2020-01-02 03:04:05.678901', 'größe', null, '[1]'];
$insert->bind_param('issdsssbs', $tiny, $big, $price, $ratio, $born, $seen, $name, $bytes, $doc);
$insert->send_long_data(7, 'first ');
$insert->send_long_data(7, 'second');
$insert->execute();
say($insert->affected_rows, $insert->insert_id);
$name = null;
$insert->execute();
$read = $db->prepare('SELECT id, tiny, big, price, ratio, born, seen, name, bytes, doc FROM types WHERE id >= ? ORDER BY id');
foreach ([1, 2] as $from) {
    $read->bind_param('i', $from);
    $read->execute();
    say($read->get_result()->fetch_all(MYSQLI_ASSOC));
}
$cursor = $db->prepare('SELECT id, name FROM items ORDER BY id');
$cursor->attr_set(MYSQLI_STMT_ATTR_CURSOR_TYPE, MYSQLI_CURSOR_TYPE_READ_ONLY);
$cursor->execute();
$cursor->bind_result($id, $item);
while ($cursor->fetch()) {
    say($id, $item);
}
$cursor->close();
$db->query('DELETE FROM types');

echo "== transactions\n";
$db->begin_transaction();
$db->query("INSERT INTO items (name, amount) VALUES ('tx', 1)");
say($db->query('SELECT COUNT(*) FROM items')->fetch_row());
$db->savepoint('s');
$db->query('DELETE FROM items');
$db->rollback(0, 's');
$db->rollback();
$db->autocommit(false);
$db->query("UPDATE items SET amount = 5 WHERE name = 'plum'");
$db->rollback();
$db->autocommit(true);
say($db->query('SELECT * FROM items ORDER BY id')->fetch_all());
$db->begin_transaction(MYSQLI_TRANS_START_READ_ONLY);
fails(fn () => $db->query('DELETE FROM items'));
$db->rollback();

echo "== several results\n";
$db->multi_query('SELECT 1; SELECT name FROM items ORDER BY id; UPDATE items SET amount = 2 WHERE id = 2');
do {
    $result = $db->store_result();
    say($result ? $result->fetch_all() : $db->affected_rows);
} while ($db->next_result());
$call = $db->prepare('CALL two_results()');
$call->execute();
do {
    $result = $call->get_result();
    say($result ? $result->fetch_all() : null);
} while ($call->next_result());
$call->close();
$db->query('SET @c = 5');
$db->query('CALL double_it(4, @b, @c)');
say($db->query('SELECT @b, @c')->fetch_row());

echo "== files\n";
$file = tempnam(sys_get_temp_dir(), 'splitfin');
file_put_contents($file, implode('', array_map(fn ($n) => "file$n,$n\n", range(0, 1999))));
$loader = open_with([MYSQLI_OPT_LOCAL_INFILE => 1]);
$loader->query("LOAD DATA LOCAL INFILE '$file' INTO TABLE items FIELDS TERMINATED BY ',' (name, amount)");
say($loader->affected_rows, $loader->info);
say($loader->query("DELETE FROM items WHERE name LIKE 'file%'"), $loader->affected_rows);
unlink($file);

echo "== asynchronous\n";
$killer = open_with();
$db->query('SELECT SLEEP(30)', MYSQLI_ASYNC);
do {
    $killer->query('KILL QUERY ' . $db->thread_id);
    [$read, $broken, $refused] = [[$db], [$db], [$db]];
} while (!mysqli_poll($read, $broken, $refused, 0, 50000));
try {
    // The first KILL may come before the sleep, which is an error then.
    say($db->reap_async_query()->fetch_row() == ['1']);
} catch (mysqli_sql_exception $error) {
    say($error->getCode() == 1317);
}
say($killer->query('SELECT COUNT(*) FROM items')->fetch_row());

echo "== errors\n";
$db = open_with();
fails(fn () => $db->query('SELEC 1'));
fails(fn () => $db->query('SELECT * FROM nowhere'));
fails(fn () => $db->query("INSERT INTO items (name) VALUES ('apple')"));
fails(fn () => new mysqli($host, $user, 'wrong', $database, (int) $port));
$db->query("INSERT IGNORE INTO items (name, amount) VALUES ('apple', 'x')");
say($db->warning_count, $db->get_warnings()->message);
say($db->query("SELECT LENGTH('" . str_repeat('y', 2000000) . "')")->fetch_row());
foreach ($db->query('SELECT id, name FROM items ORDER BY id', MYSQLI_USE_RESULT) as $row) {
    say($row);
}
