// node's mysql: mysql.js HOST PORT USER PASSWORD DATABASE
'use strict';
const fs = require('fs');
const os = require('os');
const path = require('path');
const mysql = require('mysql');

const [host, port, user, password, database] = process.argv.slice(2);
const where = { host, port: Number(port), user, password, database };
const say = (...what) => console.log(JSON.stringify(what, (key, value) => (typeof value === 'bigint' ? String(value) : value)));

const ask = (connection, sql, args) => new Promise((resolve, reject) => {
  connection.query(sql, args, (error, rows) => (error ? reject(error) : resolve(rows)));
});
const call = (connection, method, ...args) => new Promise((resolve, reject) => {
  connection[method](...args, (error, result) => (error ? reject(error) : resolve(result)));
});
const fails = async (work) => {
  try {
    say('no error', await work);
  } catch (error) {
    say('error', error.code, error.errno);
  }
};

async function main() {
  say('== options');
  for (const more of [{}, { charset: 'latin1' }, { flags: '-FOUND_ROWS' }, { supportBigNumbers: true, bigNumberStrings: true }, { timezone: 'Z', dateStrings: true }]) {
    const connection = mysql.createConnection({ ...where, ...more });
    say(await ask(connection, 'SELECT DATABASE() AS d, @@character_set_client AS c, @@collation_connection AS k'));
    say(await ask(connection, 'UPDATE items SET amount = amount WHERE id = ?', [1]));
    await call(connection, 'ping');
    say(await ask(connection, 'SELECT CAST(18446744073709551615 AS UNSIGNED) AS n, TIMESTAMP \'2020-01-02 03:04:05\' AS t'));
    await call(connection, 'end');
  }
  await fails(ask(mysql.createConnection({ ...where, password: 'wrong' }), 'SELECT 1'));

  say('== types');
  const connection = mysql.createConnection({ ...where, multipleStatements: true, timezone: 'Z' });
  const row = { tiny: -5, big: '18446744073709551615', price: '12345.67890', ratio: 1.5, born: '2020-02-29', seen: new Date(Date.UTC(2020, 0, 2, 3, 4, 5, 678)), name: 'größe', bytes: Buffer.from([0, 1, 255]), doc: '[1]', yes: true };
  say(await ask(connection, 'INSERT INTO types SET ?', row));
  say(await ask(connection, 'INSERT INTO types (tiny) VALUES (NULL)'));
  say(await ask(connection, 'SELECT * FROM types ORDER BY id'));
  const fields = await new Promise((resolve) => connection.query('SELECT * FROM types', (error, rows, found) => resolve(found)));
  say(fields.map((field) => [field.name, field.table, field.type, field.flags, field.length]));

  say('== transactions');
  await call(connection, 'beginTransaction');
  await ask(connection, 'INSERT INTO items (name, amount) VALUES (?, ?)', ['tx', 1]);
  say(await ask(connection, 'SELECT COUNT(*) AS n FROM items'));
  await call(connection, 'rollback');
  say(await ask(connection, 'SELECT COUNT(*) AS n FROM items'));

  say('== several results');
  say(await ask(connection, 'SELECT 1 AS one; INSERT INTO items (name) VALUES (\'multi\'); SELECT COUNT(*) AS n FROM items; DELETE FROM items WHERE name = \'multi\''));
  say(await ask(connection, 'CALL two_results()'));
  const queued = ['SELECT 1 AS a', 'SELECT nothing', 'SELECT 3 AS a', 'SELECT COUNT(*) AS n FROM items'].map((sql) => fails(ask(connection, sql)));
  await Promise.all(queued);

  say('== files');
  const file = path.join(os.tmpdir(), `splitfin-${process.pid}.csv`);
  fs.writeFileSync(file, Array.from({ length: 2000 }, (_, n) => `file${n},${n}\n`).join(''));
  say((await ask(connection, 'LOAD DATA LOCAL INFILE ? INTO TABLE items FIELDS TERMINATED BY \',\' (name, amount)', [file])).affectedRows);
  say((await ask(connection, 'DELETE FROM items WHERE name LIKE \'file%\'')).affectedRows);
  fs.unlinkSync(file);
  await fails(ask(connection, 'LOAD DATA LOCAL INFILE \'/no/such/file\' INTO TABLE items'));

  say('== cancellation');
  const victim = mysql.createConnection(where);
  await call(victim, 'connect');
  let done = false;
  const killer = (async () => {
    while (!done) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      await ask(connection, `KILL QUERY ${victim.threadId}`);
    }
  })();
  await fails(ask(victim, 'SELECT SLEEP(30) AS s'));
  done = true;
  await killer;
  await fails(new Promise((resolve, reject) => victim.query({ sql: 'SELECT SLEEP(30)', timeout: 200 }, (error) => (error ? reject(error) : resolve()))));

  say('== pools');
  const pool = mysql.createPool({ ...where, connectionLimit: 3 });
  const numbers = await Promise.all(Array.from({ length: 50 }, (_, n) => ask(pool, 'SELECT ? AS n', [n])));
  say(numbers.map((rows) => rows[0].n));
  const changed = mysql.createConnection(where);
  await call(changed, 'changeUser', { user, password, database: 'mysql' });
  say(await ask(changed, 'SELECT DATABASE() AS d'));
  await call(changed, 'end');
  await call(pool, 'end');

  say('== errors');
  await fails(ask(connection, 'SELEC 1'));
  await fails(ask(connection, 'SELECT * FROM nowhere'));
  await fails(ask(connection, 'INSERT INTO items (name) VALUES (\'apple\')'));
  say(await ask(connection, 'INSERT IGNORE INTO items (name, amount) VALUES (\'apple\', \'x\')'));
  say(await ask(connection, 'SHOW WARNINGS'));
  say(await ask(connection, 'SELECT LENGTH(?) AS n', ['y'.repeat(2000000)]));
  await call(connection, 'end');
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
