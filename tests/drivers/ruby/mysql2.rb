# mysql2: mysql2.rb HOST PORT USER PASSWORD DATABASE
require 'mysql2'
require 'tempfile'
$stdout.sync = true

HOST, PORT, USER, PASSWORD, DATABASE = ARGV
WHERE = { host: HOST, port: PORT.to_i, username: USER, password: PASSWORD, database: DATABASE }.freeze

def open_with(**more)
  Mysql2::Client.new(**WHERE, **more)
end

def ask(client, sql)
  result = client.query(sql)
  result.nil? ? client.affected_rows : result.map(&:to_a)
end

def fails
  p ['no error', yield]
rescue Mysql2::Error => e
  p ['error', e.error_number, e.sql_state]
end

puts '== options'
[{}, { encoding: 'latin1' }, { flags: Mysql2::Client::FOUND_ROWS }, { init_command: "SET SESSION sql_mode = 'ANSI_QUOTES'" }, { ssl_mode: :disabled }].each do |more|
  client = open_with(**more)
  p ask(client, 'SELECT DATABASE(), @@character_set_client, @@sql_mode')
  p ask(client, 'UPDATE items SET amount = amount WHERE id = 1')
  p client.ping
  client.select_db('mysql')
  p ask(client, 'SELECT DATABASE()')
  client.close
end
fails { open_with(password: 'wrong') }

puts '== types'
client = open_with
insert = client.prepare('INSERT INTO types (tiny, big, price, ratio, born, seen, name, bytes, doc, yes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
insert.execute(-5, 18_446_744_073_709_551_615, '12345.67890', 1.5, '2020-02-29', Time.utc(2020, 1, 2, 3, 4, 5), 'größe', "\x00\x01".b, '[1]', 1)
p [client.last_id, insert.affected_rows]
insert.execute(*([nil] * 10))
read = client.prepare('SELECT * FROM types WHERE id >= ? ORDER BY id')
2.times { |n| p(read.execute(n).map(&:to_a)) }
p(client.query('SELECT * FROM types ORDER BY id', cast: false).map(&:to_a))
p client.query('SELECT id, name FROM items', stream: true, cache_rows: false).to_a.length
client.query('DELETE FROM types')

puts '== transactions'
client.query('BEGIN')
client.query("INSERT INTO items (name, amount) VALUES ('tx', 1)")
p ask(client, 'SELECT COUNT(*) FROM items')
client.query('ROLLBACK')
p ask(client, 'SELECT COUNT(*) FROM items')

puts '== several results'
several = open_with(flags: Mysql2::Client::MULTI_STATEMENTS)
result = several.query('SELECT 1 AS one; SELECT name FROM items ORDER BY id; UPDATE items SET amount = 2 WHERE id = 2; CALL two_results()')
p result.to_a
while several.next_result
  result = several.store_result
  p result.nil? ? several.affected_rows : result.to_a
end

puts '== files'
Tempfile.create('splitfin') do |file|
  2000.times { |n| file.puts "file#{n},#{n}" }
  file.flush
  loader = open_with(local_infile: true)
  p ask(loader, "LOAD DATA LOCAL INFILE '#{file.path}' INTO TABLE items FIELDS TERMINATED BY ',' (name, amount)")
  p ask(loader, "DELETE FROM items WHERE name LIKE 'file%'")
end

puts '== cancellation'
victim = open_with
killer = open_with
done = false
thread = Thread.new do
  until done
    sleep 0.05
    killer.query("KILL QUERY #{victim.thread_id}")
  end
end
fails { victim.query('SELECT SLEEP(30)').map(&:to_a) }
done = true
thread.join
begin
  victim.query('DO 1')
rescue Mysql2::Error
  nil
end
p ask(victim, 'SELECT COUNT(*) FROM items')
late = open_with(read_timeout: 1)
fails { late.query('SELECT SLEEP(30)').to_a }

puts '== errors'
fails { client.query('SELEC 1') }
fails { client.query('SELECT * FROM nowhere') }
fails { client.query("INSERT INTO items (name) VALUES ('apple')") }
client.query("INSERT IGNORE INTO items (name, amount) VALUES ('apple', 'x')")
p client.warning_count, ask(client, 'SHOW WARNINGS')
p ask(client, "SELECT LENGTH('#{'y' * 2_000_000}')")
