<?php
// PDO over mysqlnd: pdo.php HOST PORT USER PASSWORD DATABASE
[, $host, $port, $user, $password, $database] = $argv;

function open_with(array $options = []): PDO
{
    global $host, $port, $user, $password, $database;
    $options += [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION];
    return new PDO("mysql:host=$host;port=$port;dbname=$database;charset=utf8mb4", $user, $password, $options);
}

function say(...$what): void
{
    echo json_encode($what, JSON_PARTIAL_OUTPUT_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE), "\n";
}

function fails(callable $work): void
{
    try {
        say('no error', $work());
    } catch (PDOException $error) {
        say('error', $error->errorInfo[0] ?? null, $error->errorInfo[1] ?? null);
    }
}

foreach ([true, false] as $emulate) {
    echo '== emulated ', json_encode($emulate), "\n";
    $db = open_with([PDO::ATTR_EMULATE_PREPARES => $emulate, PDO::ATTR_STRINGIFY_FETCHES => false, PDO::MYSQL_ATTR_FOUND_ROWS => true]);
    $insert = $db->prepare('INSERT INTO types (tiny, big, price, ratio, born, seen, name, bytes, doc, yes) VALUES (:tiny, :big, :price, :ratio, :born, :seen, :name, :bytes, :doc, :yes)');
    $insert->execute(['tiny' => -5, 'big' => '18446744073709551615', 'price' => '12345.67890', 'ratio' => 1.5, 'born' => '2020-02-29', 'seen' => '2020-01-02 03:04:05.678901', 'name' => "größe'\\", 'bytes' => "\x00\x01", 'doc' => '[1]', 'yes' => 1]);
    say($insert->rowCount(), $db->lastInsertId());
    $insert->execute(array_fill_keys(['tiny', 'big', 'price', 'ratio', 'born', 'seen', 'name', 'bytes', 'doc', 'yes'], null));
    $read = $db->prepare('SELECT * FROM types WHERE id >= ? ORDER BY id');
    $read->execute([1]);
    say($read->columnCount(), $read->getColumnMeta(1)['native_type'] ?? null, $read->fetchAll(PDO::FETCH_ASSOC));
    say($db->exec('UPDATE items SET amount = amount'));
    $db->beginTransaction();
    say($db->inTransaction(), $db->exec("INSERT INTO items (name, amount) VALUES ('tx', 1)"));
    say($db->query('SELECT COUNT(*) FROM items')->fetchColumn());
    $db->rollBack();
    say($db->query('SELECT COUNT(*) FROM items')->fetchColumn());
    $call = $db->query('CALL two_results()');
    do {
        say($call->columnCount() ? $call->fetchAll(PDO::FETCH_NUM) : null);
    } while ($call->nextRowset());
    $call->closeCursor();
    fails(fn () => $db->query('SELEC 1'));
    fails(fn () => $db->query('SELECT * FROM nowhere'));
    fails(fn () => $db->exec("INSERT INTO items (name) VALUES ('apple')"));
    $db->exec('DELETE FROM types');
}

echo "== options\n";
$db = open_with([PDO::MYSQL_ATTR_INIT_COMMAND => "SET time_zone = '+02:00'", PDO::ATTR_PERSISTENT => true, PDO::MYSQL_ATTR_LOCAL_INFILE => true, PDO::MYSQL_ATTR_USE_BUFFERED_QUERY => false]);
say($db->query('SELECT @@time_zone, DATABASE()')->fetchAll(PDO::FETCH_NUM), $db->getAttribute(PDO::ATTR_SERVER_VERSION));
$file = tempnam(sys_get_temp_dir(), 'splitfin');
file_put_contents($file, implode('', array_map(fn ($n) => "file$n,$n\n", range(0, 999))));
say($db->exec("LOAD DATA LOCAL INFILE '$file' INTO TABLE items FIELDS TERMINATED BY ',' (name, amount)"));
say($db->exec("DELETE FROM items WHERE name LIKE 'file%'"));
unlink($file);
foreach ($db->query('SELECT id, name FROM items ORDER BY id', PDO::FETCH_NUM) as $row) {
    say($row);
}
$db = null;
$db = open_with([PDO::ATTR_PERSISTENT => true]);
say($db->query('SELECT @@autocommit')->fetchColumn());
$db->setAttribute(PDO::ATTR_AUTOCOMMIT, 0);
$db->exec("UPDATE items SET amount = 7 WHERE name = 'plum'");
$db->rollBack();
$db->setAttribute(PDO::ATTR_AUTOCOMMIT, 1);
say($db->query("SELECT amount FROM items WHERE name = 'plum'")->fetchColumn());
fails(fn () => new PDO("mysql:host=$host;port=$port;dbname=$database", $user, 'wrong', [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]));
