#!/usr/bin/perl
# DBD::mysql: dbi.pl HOST PORT USER PASSWORD DATABASE
use strict;
use warnings;
use DBI;
use File::Temp;
$| = 1;

my ($host, $port, $user, $password, $database) = @ARGV;

sub connect_with {
    my ($dsn, %more) = @_;
    return DBI->connect("DBI:mysql:database=$database;host=$host;port=$port$dsn", $user, $password,
        { RaiseError => 1, PrintError => 0, AutoCommit => 1, %more });
}

sub table {
    my ($rows) = @_;
    return join ' | ', map { join ',', map { defined $_ ? $_ : 'NULL' } @$_ } @$rows;
}

sub ask { my ($dbh, $sql, @args) = @_; return table($dbh->selectall_arrayref($sql, undef, @args)); }

sub fails {
    my ($dbh, $sql) = @_;
    eval { $dbh->do($sql); print "no error\n"; 1 } or print 'error ', $dbh->err, ' ', $dbh->state, "\n";
}

my $name = "gr\x{f6}\x{df}e";
utf8::upgrade($name);

for my $server_side (0, 1) {
    print "== server-side prepare $server_side\n";
    my $dbh = connect_with(";mysql_server_prepare=$server_side", mysql_enable_utf8mb4 => 1);
    print ask($dbh, 'SELECT DATABASE(), @@autocommit, @@character_set_client'), "\n";
    my $insert = $dbh->prepare('INSERT INTO types (tiny, big, price, ratio, born, seen, name, bytes, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
    print $insert->execute(-5, '18446744073709551615', '12345.67890', 1.5, '2020-02-29', '2020-01-02 03:04:05.678901', $name, "ab\\'", '{"a": 1}'), "\n";
    print $dbh->{mysql_insertid}, ' ', $dbh->last_insert_id(undef, undef, undef, undef), "\n";
    $insert->execute((undef) x 9);
    my $read = $dbh->prepare('SELECT * FROM types WHERE id >= ? ORDER BY id');
    for my $from (1, 2) {
        $read->execute($from);
        print join(',', @{ $read->{NAME} }), ' ', join(',', @{ $read->{mysql_type_name} }), "\n";
        binmode STDOUT, ':utf8';
        print table($read->fetchall_arrayref), "\n";
    }
    $dbh->begin_work;
    $dbh->do('INSERT INTO items (name, amount) VALUES (?, ?)', undef, 'tx', 1);
    print ask($dbh, 'SELECT COUNT(*) FROM items WHERE amount >= ?', 1), "\n";
    $dbh->rollback;
    print ask($dbh, 'SELECT COUNT(*) FROM items'), "\n";
    my $call = $dbh->prepare('CALL two_results()');
    $call->execute;
    do { print table($call->fetchall_arrayref), "\n" if $call->{NUM_OF_FIELDS} } while ($call->more_results);
    fails($dbh, 'SELEC 1');
    fails($dbh, 'SELECT * FROM nowhere');
    fails($dbh, "INSERT INTO items (name) VALUES ('apple')");
    $dbh->do("INSERT IGNORE INTO items (name, amount) VALUES ('apple', 'x')");
    print $dbh->{mysql_warning_count}, ' ', ask($dbh, 'SHOW WARNINGS'), "\n";
    $dbh->do('DELETE FROM types');
    print $dbh->ping, "\n";
    $dbh->disconnect;
}

print "== files\n";
my $file = File::Temp->new;
print $file "file$_,$_\n" for 0 .. 1999;
$file->flush;
my $dbh = connect_with(';mysql_local_infile=1');
print $dbh->do("LOAD DATA LOCAL INFILE '" . $file->filename . "' INTO TABLE items FIELDS TERMINATED BY ',' (name, amount)"), "\n";
print ask($dbh, "SELECT COUNT(*), SUM(amount) FROM items WHERE name LIKE 'file%'"), "\n";
print $dbh->do("DELETE FROM items WHERE name LIKE 'file%'"), "\n";

print "== reconnect\n";
$dbh->{mysql_auto_reconnect} = 1;
my $killer = connect_with('');
$killer->do('KILL ' . $dbh->{mysql_thread_id});
print ask($dbh, 'SELECT COUNT(*) FROM items'), "\n" if eval { $dbh->ping };
$killer->disconnect;

print "== unbuffered\n";
my $stream = $dbh->prepare('SELECT id, name FROM items ORDER BY id', { mysql_use_result => 1 });
$stream->execute;
while (my @row = $stream->fetchrow_array) { print "@row\n" }
print eval { connect_with('', RaiseError => 1)->ping } ? "ok\n" : "not ok\n";
eval { DBI->connect("DBI:mysql:database=$database;host=$host;port=$port", $user, 'wrong', { RaiseError => 1, PrintError => 0 }) };
print 'error ', DBI->err, "\n";
