-- The rest of the protocol: several statements, several results, procedures, files, pipelines, odd commands.

!ping
SELECT 1; SELECT 2
SELECT 1; SELECT item FROM orders ORDER BY id; SELECT COUNT(*) FROM blank
INSERT INTO blank VALUES (1, 'm'); SELECT note FROM blank; DELETE FROM blank; SELECT COUNT(*) FROM blank
SELECT 1; SELEC 2; SELECT 3
SELECT 1; INSERT INTO orders (item) VALUES ('apple'); SELECT 3
SELECT 1;
SELECT 1; -- end
;
SET @m = 5; SELECT @m; SET @m = @m + 1; SELECT @m
BEGIN; INSERT INTO blank VALUES (2, 'tx'); SELECT COUNT(*) FROM blank; ROLLBACK; SELECT COUNT(*) FROM blank
SET time_zone = '+03:00'; SELECT @@time_zone; SET time_zone = DEFAULT
USE store; SELECT name FROM names ORDER BY id; USE shop; SELECT DATABASE()
SELECT {1|2|3}; SELECT item FROM orders WHERE id = {1|2|3}
SELECT 1 / 0; SELECT 2 ;; SHOW WARNINGS ;; SELECT 1; SELECT 1 / 0 ;; SHOW WARNINGS
DROP TABLE IF EXISTS ghost1; DROP TABLE IF EXISTS ghost2 ;; SHOW WARNINGS
CREATE TEMPORARY TABLE mt (id INT); INSERT INTO mt VALUES (1); SELECT * FROM mt; DROP TEMPORARY TABLE mt
!multi off
SELECT 1; SELECT 2
SELECT 1;
@b SELECT 1; SELECT 2
!multi on
SELECT 1; SELECT 2
CALL two()
CALL two(); SELECT 9; CALL two()
CALL add_one('called', @out); SELECT @out > 3
SELECT @out > 3
CALL no_such()
CALL fail()
CALL warn()
CALL two(1)
SELECT twice(3), bump() ;; SELECT amount > 0 FROM orders WHERE id = 1
SELECT no_such_function(1)
DELETE FROM orders WHERE item = 'called'

-- LOAD DATA LOCAL INFILE.
!infile 10\tten\n11\televen\n LOAD DATA LOCAL INFILE '/some/file' INTO TABLE blank
SELECT id, note FROM blank ORDER BY id
!infile 10\tagain\n LOAD DATA LOCAL INFILE 'x' REPLACE INTO TABLE blank (id, note)
!infile 12,twelve\n13\n LOAD DATA LOCAL INFILE 'x' INTO TABLE blank FIELDS TERMINATED BY ','
SHOW WARNINGS
SELECT id, note FROM blank ORDER BY id
!infile bad\n LOAD DATA LOCAL INFILE 'x' INTO TABLE no_such_table
!infile 20\n LOAD DATA LOCAL INFILE 'x' INTO TABLE blank (id) SET note = 'set'
SELECT note FROM blank WHERE id = 20
BEGIN ;; !infile 30\tthirty\n LOAD DATA LOCAL INFILE 'x' INTO TABLE blank ;; SELECT COUNT(*) FROM blank ;; ROLLBACK ;; SELECT COUNT(*) FROM blank
!infile 40\tforty\n LOAD DATA LOCAL INFILE 'x' INTO TABLE blank; SELECT COUNT(*) FROM blank
DELETE FROM blank
LOAD DATA INFILE '/no/such/file' INTO TABLE blank

-- Several commands in one write.
!pipeline SELECT 1 && SELECT 2 && SELECT item FROM orders ORDER BY id
!pipeline INSERT INTO blank VALUES (1, 'p') && SELECT COUNT(*) FROM blank && DELETE FROM blank && SELECT COUNT(*) FROM blank
!pipeline SELECT nothing && SELECT 2 && SELEC && SELECT 3
!pipeline BEGIN && INSERT INTO blank VALUES (2, 'p') && SELECT COUNT(*) FROM blank && ROLLBACK && SELECT COUNT(*) FROM blank
!pipeline SET @p = 1 && SELECT @p && SET NAMES latin1 && SELECT @@character_set_client && SET NAMES utf8mb4
!pipeline SELECT {1|2|3|4} && SELECT {5|6|7} && SELECT COUNT(*) FROM orders

-- Sizes.
SELECT REPEAT('x', {1|250|251|252|65535|65536|70000})
SELECT LENGTH(REPEAT('x', 1000000))
SELECT REPEAT('', 5), '', NULL
SELECT ''
SELECT NULL
SELECT {1|-1|1.5|1e10|NULL|'text'|TRUE|0x41|DATE '2020-01-01'|TIME '10:00:00'|TIMESTAMP '2020-01-01 10:00:00'|CAST(1 AS UNSIGNED)|CAST('a' AS BINARY)|CAST(1.25 AS DECIMAL(10,3))} AS value
SELECT id, item, amount, id * 1.5, item IS NULL, amount + NULL FROM orders ORDER BY id
SELECT * FROM orders WHERE FALSE
SELECT * FROM blank
SELECT * FROM cheap ORDER BY id

-- Types in tables.
CREATE TABLE types (a TINYINT, b SMALLINT UNSIGNED, c MEDIUMINT, d BIGINT UNSIGNED, e FLOAT, f DOUBLE, g DECIMAL(20,5), h DATE, i TIME(3), j DATETIME(6), k TIMESTAMP NULL, l YEAR, m CHAR(5), n VARBINARY(10), o BLOB, p ENUM('x','y'), q SET('p','q'), r BIT(10), s JSON, t BOOLEAN)
INSERT INTO types VALUES (-1, 65535, -8388608, 18446744073709551615, 1.5, 2.25, 12345.67891, '2020-02-29', '-10:11:12.345', '2020-01-01 01:02:03.456789', '2021-01-01 00:00:00', 2022, 'abc', 'bin', 'blob', 'y', 'p,q', b'1010101010', '[1, 2]', TRUE)
INSERT INTO types (a) VALUES (NULL)
SELECT * FROM types
SELECT {a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q|r|s|t} FROM types
DROP TABLE types

-- Statements that show things.
SHOW {DATABASES LIKE 'sh%'|TABLES|TABLES FROM store|FULL TABLES|COLUMNS FROM orders|FULL COLUMNS FROM orders|CREATE TABLE orders|CREATE DATABASE store|CREATE VIEW cheap|CREATE PROCEDURE two|TABLE STATUS LIKE 'empty_no'|TRIGGERS|EVENTS|COLLATION LIKE 'latin1_bin'|CHARACTER SET LIKE 'latin1'|ENGINES|PRIVILEGES|GRANTS|PROCEDURE STATUS LIKE 'no'|FUNCTION STATUS LIKE 'no'|OPEN TABLES LIKE 'no'|STATUS LIKE 'no_such'|VARIABLES LIKE 'no_such'|WARNINGS|ERRORS}
{DESCRIBE|DESC|EXPLAIN|SHOW FIELDS FROM} orders
{EXPLAIN|DESCRIBE} SELECT item FROM orders WHERE id = 1
EXPLAIN {UPDATE orders SET amount = 1 WHERE id = 1|DELETE FROM orders WHERE id = 1|INSERT INTO orders (item) VALUES ('e')}
SELECT COUNT(*) FROM orders
{CHECK|ANALYZE|OPTIMIZE|CHECKSUM} TABLE blank
HELP 'nothing at all'
SELECT table_name, table_rows IS NULL FROM information_schema.tables WHERE table_schema = 'store'
SELECT column_name, column_type FROM information_schema.columns WHERE table_schema = 'shop' AND table_name = 'orders' ORDER BY ordinal_position

-- Forms of reads and writes.
SELECT item FROM orders ORDER BY id {FOR UPDATE|LOCK IN SHARE MODE|LIMIT 1|LIMIT 1 OFFSET 1|LIMIT 0}
(SELECT 1) UNION (SELECT 2)
SELECT 1 UNION ALL SELECT item FROM orders
WITH c AS (SELECT id, item FROM orders) SELECT item FROM c ORDER BY id
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n
{VALUES (1, 2), (3, 4)|VALUES ROW(1, 2), ROW(3, 4)|TABLE blank}
SELECT /*! 1 + */ 1
SELECT /*!99999 1 + */ 1
SELECT /*M! 2 + */ 1
/* comment */ SELECT 1 -- more
# comment only
/* comment only */
SELECT 1 # more
SELECT 'it''s', 'it\'s', "quo""te", `item` FROM orders LIMIT 1
INSERT INTO orders (item, amount) VALUES ('apple', 5) ON DUPLICATE KEY UPDATE amount = amount + 1
SELECT amount > 0 FROM orders WHERE item = 'apple'
INSERT IGNORE INTO orders (item) VALUES ('apple') ;; SHOW WARNINGS
REPLACE INTO blank VALUES (1, 'r') ;; REPLACE INTO blank VALUES (1, 's') ;; SELECT * FROM blank ;; TRUNCATE TABLE blank
INSERT INTO blank SELECT id, item FROM orders WHERE id <= 2 ;; UPDATE blank e JOIN orders o ON e.id = o.id SET e.note = 'joined' ;; SELECT * FROM blank ORDER BY id ;; DELETE e FROM blank e JOIN orders o ON e.id = o.id
CREATE TABLE made SELECT * FROM orders ;; SELECT COUNT(*) FROM made ;; ALTER TABLE made ADD x INT ;; SELECT x FROM made LIMIT 1 ;; RENAME TABLE made TO made2 ;; SELECT COUNT(*) FROM made ;; DROP TABLE made2
CREATE INDEX made_idx ON blank (id) ;; DROP INDEX made_idx ON blank
CREATE OR REPLACE VIEW v AS SELECT 1 AS one ;; SELECT * FROM v ;; DROP VIEW v
DO {1|SLEEP(0)|1 / 0}
SELECT SLEEP(0), BENCHMARK(1, 1)
INSERT INTO orders (item) VALUES ('apple')
INSERT INTO no_such VALUES (1)
INSERT INTO orders VALUES (1)
UPDATE orders SET nothing = 1
SELECT
SELECT * FROM
FOO BAR

-- Commands that are no statements.
!fields orders
!fields no_such
!init shop
!reset
!ping

-- Expressions, functions and clauses, read on replicas.
SELECT {ABS(-1)|CEIL(1.2)|ROUND(2.5)|MOD(7, 3)|POW(2, 3)|SQRT(16)|GREATEST(1, 2)|LEAST(1, 2)|SIGN(-3)|TRUNCATE(1.999, 1)|CRC32('x')|CONV('ff', 16, 10)}
SELECT {UPPER(item)|LENGTH(item)|REVERSE(item)|SUBSTRING(item, 2)|REPLACE(item, 'p', 'q')|CONCAT_WS('-', id, item)|LPAD(item, 8, '.')|MD5(item)|SHA1(item)|HEX(item)|TRIM(item)|INSTR(item, 'p')|LOCATE('p', item)|STRCMP(item, 'pear')|FIELD(item, 'pear', 'plum')|ELT(id, 'a', 'b', 'c')|QUOTE(item)|SOUNDEX(item)} FROM orders ORDER BY id
SELECT {DATE_ADD('2020-01-31', INTERVAL 1 MONTH)|DATEDIFF('2020-03-01', '2020-02-01')|DAYNAME('2020-01-01')|LAST_DAY('2020-02-01')|STR_TO_DATE('01,5,2013', '%d,%m,%Y')|TIMEDIFF('10:00:00', '09:30:00')|EXTRACT(YEAR FROM '2020-05-05')|MAKEDATE(2020, 60)|SEC_TO_TIME(3661)|TO_DAYS('2020-01-01')}
SELECT {COUNT(*)|SUM(amount)|AVG(amount)|MIN(item)|MAX(item)|GROUP_CONCAT(item ORDER BY id)|STDDEV(amount)|BIT_OR(id)|COUNT(DISTINCT item)} FROM orders
SELECT {COALESCE(NULL, 1)|IFNULL(NULL, 'x')|NULLIF(1, 1)|CASE WHEN 1 THEN 'a' ELSE 'b' END|1 IN (1, 2)|1 BETWEEN 0 AND 2|'abc' LIKE 'a%'|'abc' REGEXP '^a'|NOT 1|1 XOR 1|5 DIV 2|5 % 2|1 << 3|~0|INET_ATON('1.2.3.4')|JSON_EXTRACT('[1,2]', '$[1]')|JSON_OBJECT('k', 1)|UNHEX('41')|CHAR(65)|ASCII('a')}
SELECT item, ROW_NUMBER() OVER (ORDER BY id) FROM orders
SELECT item FROM orders GROUP BY item WITH ROLLUP
SELECT item FROM orders o WHERE EXISTS (SELECT 1 FROM cheap c WHERE c.id = o.id) ORDER BY id
SELECT o.item, n.name FROM orders o LEFT JOIN store.names n ON n.id = o.id ORDER BY o.id

-- Query attributes.
[mysql]
!attributes one=1,two=zwei SELECT mysql_query_attribute_string('one'), mysql_query_attribute_string('two'), mysql_query_attribute_string('three')
SELECT mysql_query_attribute_string('one')
!attributes one={1|zwei|} SELECT mysql_query_attribute_string('one') AS a FROM orders WHERE id = 1
!attributes one=1 SELECT mysql_query_attribute_string('one'), CONNECTION_ID() > 0, ROW_COUNT()
!attributes one=1 INSERT INTO orders (item, amount) VALUES (mysql_query_attribute_string('one'), 1) ;; SELECT amount FROM orders WHERE item = '1' ;; DELETE FROM orders WHERE item = '1'
!attributes one=1 SELECT 1; SELECT mysql_query_attribute_string('one')
!attributes one=1 SELEC 1
!attributes one=1 SET @attribute = mysql_query_attribute_string('one') ;; SELECT @attribute
BEGIN ;; !attributes one=1 SELECT mysql_query_attribute_string('one') ;; SELECT mysql_query_attribute_string('one') ;; COMMIT
!attributes one=1 CREATE TEMPORARY TABLE of_attributes AS SELECT mysql_query_attribute_string('one') AS a ;; SELECT a FROM of_attributes ;; DROP TEMPORARY TABLE of_attributes
!prepare qa SELECT mysql_query_attribute_string('one'), ?
!with one={1|zwei},other=x qa {a|NULL} ;; !execute qa a
!prepare qb SELECT mysql_query_attribute_string('one')
!with one={1|zwei} qb ;; !execute qb ;; !again qb
!with one=1 qb ;; BEGIN ;; !with one=2 qb ;; INSERT INTO blank VALUES (7, 'x') ;; !with one=3 qb ;; ROLLBACK
[both]
-- Texts with several statements, of all kinds.
!multi on
SET @a = 1; SELECT @a ;; SELECT @a
SET @a = 2; SELECT @a; SET @a = @a + 1; SELECT @a, @b ;; SELECT @a, @b ;; SET @a = NULL
START TRANSACTION; INSERT INTO orders (item) VALUES ('m'); COMMIT ;; SELECT COUNT(*) FROM orders WHERE item = 'm' ;; DELETE FROM orders WHERE item = 'm'
START TRANSACTION; INSERT INTO orders (item) VALUES ('m'); SELECT nothing; COMMIT ;; SELECT COUNT(*) FROM orders WHERE item = 'm' ;; ROLLBACK ;; SELECT COUNT(*) FROM orders WHERE item = 'm'
SET SESSION group_concat_max_len = 7; SELECT @@group_concat_max_len ;; SELECT @@group_concat_max_len, GROUP_CONCAT(item) FROM orders ;; SET SESSION group_concat_max_len = DEFAULT
CREATE TEMPORARY TABLE tmp (id INT); INSERT INTO tmp VALUES (1), (2); SELECT COUNT(*) FROM tmp ;; SELECT COUNT(*) FROM tmp ;; DROP TEMPORARY TABLE tmp; SELECT 1 ;; SELECT COUNT(*) FROM tmp
CREATE TEMPORARY TABLE tmp (id INT); INSERT INTO tmp VALUES (1), (2); SELECT COUNT(*) FROM tmp; DROP TEMPORARY TABLE tmp ;; SELECT COUNT(*) FROM tmp
LOCK TABLES orders WRITE; UPDATE orders SET amount = 3 WHERE id = 1; UNLOCK TABLES ;; SELECT amount FROM orders WHERE id = 1
PREPARE s FROM 'SELECT ? + 1'; SET @x = 4; EXECUTE s USING @x; DEALLOCATE PREPARE s ;; EXECUTE s USING @x
PREPARE s FROM 'SELECT item FROM orders WHERE id = ?'; SET @x = 1; EXECUTE s USING @x ;; EXECUTE s USING @x ;; DEALLOCATE PREPARE s
SELECT GET_LOCK('multi', 1); SELECT IS_FREE_LOCK('multi') ;; SELECT RELEASE_LOCK('multi'); SELECT IS_FREE_LOCK('multi')
USE store; SELECT DATABASE(); SELECT COUNT(*) > 0 FROM names ;; SELECT DATABASE() ;; USE shop; SELECT DATABASE() ;; SELECT DATABASE()
SET autocommit = 0; INSERT INTO orders (item) VALUES ('m'); SELECT @@autocommit; ROLLBACK; SET autocommit = 1 ;; SELECT COUNT(*) FROM orders WHERE item = 'm'
SET autocommit = 0; SELECT COUNT(*) > 0 FROM orders ;; SELECT 1 ;; COMMIT; SET autocommit = 1 ;; SELECT @@autocommit
CALL two(); SELECT 3 ;; SELECT 1; CALL two(); SELECT 2; CALL two()
CALL fail(); SELECT 3 ;; SELECT 1; CALL fail(); SELECT 2 ;; SHOW WARNINGS
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; START TRANSACTION; SELECT COUNT(*) > 0 FROM orders; COMMIT ;; SELECT @@transaction_isolation
SET TRANSACTION READ ONLY; START TRANSACTION; SELECT COUNT(*) > 0 FROM orders; UPDATE orders SET amount = 1 WHERE id = 1; COMMIT ;; ROLLBACK ;; SELECT 1
SET NAMES latin1; SELECT 'ü', @@character_set_client ;; SELECT 'ü', @@collation_connection ;; SET NAMES utf8mb4; SELECT 'ü'
SET sql_mode = 'ANSI_QUOTES'; SELECT "item" FROM orders WHERE id = 1; SET sql_mode = DEFAULT; SELECT "item"
SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT '\'; SELECT 2; SET sql_mode = DEFAULT
SELECT '\'; SELECT 1; -- '; SELECT 2
BEGIN; SELECT id FROM orders WHERE id = 1 FOR UPDATE; ROLLBACK; SELECT 1
START TRANSACTION READ ONLY; SELECT COUNT(*) > 0 FROM orders; COMMIT ;; START TRANSACTION READ ONLY; SELECT COUNT(*) > 0 FROM orders; UPDATE orders SET amount = 1 ;; COMMIT
START TRANSACTION READ ONLY ;; SELECT COUNT(*) > 0 FROM orders; SELECT 1 ;; SELECT COUNT(*) > 0 FROM orders ;; COMMIT
HANDLER orders OPEN; HANDLER orders READ FIRST; HANDLER orders CLOSE ;; SELECT 1
XA START 'm'; UPDATE orders SET amount = 2 WHERE id = 1; XA END 'm'; XA ROLLBACK 'm' ;; SELECT 1
SELECT SQL_CALC_FOUND_ROWS item FROM orders LIMIT 1; SELECT FOUND_ROWS(); SELECT FOUND_ROWS() ;; SELECT FOUND_ROWS()
INSERT INTO orders (item) VALUES ('m'); SELECT LAST_INSERT_ID() > 0; INSERT INTO orders (item) VALUES ('m2') ;; SELECT LAST_INSERT_ID() = (SELECT MAX(id) FROM orders) ;; DELETE FROM orders WHERE item LIKE 'm%'; SELECT ROW_COUNT()
SELECT LAST_INSERT_ID(77); SELECT LAST_INSERT_ID() ;; SELECT LAST_INSERT_ID()
SELECT 1; SELECT LAST_INSERT_ID(78); SELECT 2 ;; SELECT LAST_INSERT_ID()
SELECT LAST_INSERT_ID(); INSERT INTO orders (item) VALUES ('m'); DELETE FROM orders WHERE id = LAST_INSERT_ID(); SELECT ROW_COUNT() ;; SELECT COUNT(*) FROM orders WHERE item = 'm'
SELECT IF(1, 'a;b', "c;d"); SELECT 2 /* ; */; SELECT `id` FROM orders WHERE item = 'a;b' # ; x
SELECT 1; SELECT nothing; SELECT 2 ;; SELECT 1;SELECT 2; ;; SELECT 1;  ;; ; ;; ;SELECT 1
SELECT 1 INTO @one; SELECT @one; SELECT 2 INTO @two ;; SELECT @one, @two ;; SET @one = NULL, @two = NULL
SET @s = 'SELECT 5'; PREPARE p FROM @s; EXECUTE p; DEALLOCATE PREPARE p; SET @s = NULL
CREATE TABLE multi (id INT PRIMARY KEY AUTO_INCREMENT, v INT); INSERT INTO multi (v) VALUES (1), (2); SELECT LAST_INSERT_ID(), ROW_COUNT(); UPDATE multi SET v = v + 1; SELECT * FROM multi; DROP TABLE multi
CREATE PROCEDURE mp() BEGIN SELECT 1; SELECT 2; END; CALL mp(); DROP PROCEDURE mp
CREATE PROCEDURE mp() BEGIN SELECT 1; SELECT ROW_COUNT(), FOUND_ROWS(), CONNECTION_ID() > 0; END; CALL mp(); DROP PROCEDURE mp
CREATE FUNCTION mf() RETURNS INT DETERMINISTIC RETURN 4; SELECT mf(); DROP FUNCTION mf
CREATE VIEW mv AS SELECT 1 AS one; SELECT * FROM mv; DROP VIEW mv
SHOW TABLES; SHOW WARNINGS; SHOW DATABASES LIKE 'shop'
EXPLAIN SELECT 1; DO 1; SELECT DATABASE(); SELECT USER() LIKE '%@%'
SELECT CONNECTION_ID() = @@pseudo_thread_id; SELECT CONNECTION_ID() = @@pseudo_thread_id
SELECT SLEEP(0); SELECT UUID() <> UUID(); SELECT NOW() = SYSDATE() OR 1
INSERT INTO blank VALUES (1, 'x'); INSERT INTO blank VALUES (1, 'x'); SELECT 1 ;; SHOW WARNINGS ;; SELECT ROW_COUNT() ;; DELETE FROM blank
INSERT IGNORE INTO blank VALUES (1, 'x'), (1, 'y'); SHOW WARNINGS; SELECT @@warning_count ;; SHOW WARNINGS ;; DELETE FROM blank
SET time_zone = '+03:00'; SELECT @@time_zone; SET time_zone = DEFAULT; SELECT 1 ;; SELECT @@time_zone
SET @@session.sql_select_limit = 1; SELECT item FROM orders; SET @@session.sql_select_limit = DEFAULT ;; SELECT COUNT(*) > 1 FROM orders
SET @v := 5, @w = @v; SELECT @v, @w; SELECT @v := @v + 1 ;; SELECT @v, @w ;; SET @v = NULL, @w = NULL
TRUNCATE TABLE blank; INSERT INTO blank SELECT id, item FROM orders; SELECT ROW_COUNT() = (SELECT COUNT(*) FROM blank) ;; DELETE FROM blank; SELECT ROW_COUNT() > 0
SAVEPOINT x; ROLLBACK TO x ;; BEGIN; SAVEPOINT x; UPDATE orders SET amount = 9; ROLLBACK TO x; COMMIT ;; SELECT 1
ANALYZE TABLE orders; SELECT 1 ;; CHECK TABLE orders; SELECT 1
SET ROLE NONE; SELECT CURRENT_ROLE() ;; SELECT CURRENT_ROLE()
[mariadb]
SET STATEMENT sql_select_limit = 1 FOR SELECT item FROM orders; SELECT COUNT(*) > 1 FROM orders ;; SELECT @@sql_select_limit > 5
EXECUTE IMMEDIATE 'SELECT 7'; SELECT 8 ;; EXECUTE IMMEDIATE CONCAT('SELECT ', 9); EXECUTE IMMEDIATE 'SELEC'; SELECT 1
INSERT INTO blank VALUES (3, 'r') RETURNING id; SELECT ROW_COUNT(); DELETE FROM blank RETURNING id; SELECT ROW_COUNT(), FOUND_ROWS()
BEGIN NOT ATOMIC DECLARE x INT DEFAULT 3; SELECT x; END; SELECT 4
IF 1 THEN SELECT 'yes'; ELSE SELECT 'no'; END IF; SELECT 5
FOR i IN 1..3 DO SELECT i; END FOR; SELECT 6
CREATE SEQUENCE ms; SELECT NEXTVAL(ms); SELECT LASTVAL(ms); DROP SEQUENCE ms
WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 3) SELECT n FROM c; SELECT FOUND_ROWS()
(SELECT 1) UNION (SELECT 2); SELECT FOUND_ROWS(); VALUES (1), (2), (3); SELECT FOUND_ROWS(), ROW_COUNT()
[both]
!multi off
SELECT 1; SELECT 2
SET @a = 1; SHOW WARNINGS
-- What each statement makes of the numbers that the next one may ask for.
SELECT item FROM orders LIMIT 2
CALL two() ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'CALL two()'
CALL remember() ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'CALL remember()'
CALL bumped() ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'CALL bumped()'
SELECT bump() ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SELECT bump()'
INSERT INTO orders (item) VALUES ('q1'), ('q2') ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'INSERT INTO orders (item) VALUES (''q1''), (''q2'')'
INSERT INTO orders (item, id) VALUES ('q3', NULL) ON DUPLICATE KEY UPDATE amount = 3 ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'INSERT INTO orders (item, id) VALUES (''q3'', NULL) ON DUPLICATE KEY UPDATE amount = 3'
INSERT INTO orders (item) VALUES ('q1') ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id) ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'INSERT INTO orders (item) VALUES (''q1'') ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id)'
INSERT IGNORE INTO orders (item) VALUES ('q1') ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'INSERT IGNORE INTO orders (item) VALUES (''q1'')'
REPLACE INTO orders (item) VALUES ('q1') ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'REPLACE INTO orders (item) VALUES (''q1'')'
INSERT INTO orders (item) SELECT CONCAT('z', item) FROM orders WHERE item LIKE 'q%' ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'INSERT INTO orders (item) SELECT CONCAT(''z'', item) FROM orders WHERE item LIKE ''q%'''
UPDATE orders SET amount = LAST_INSERT_ID(55) WHERE item = 'q2' ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'UPDATE orders SET amount = LAST_INSERT_ID(55) WHERE item = ''q2'''
UPDATE orders SET amount = amount WHERE item LIKE 'q%' ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'UPDATE orders SET amount = amount WHERE item LIKE ''q%'''
UPDATE orders SET amount = 7 WHERE item LIKE 'q%' LIMIT 1 ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'UPDATE orders SET amount = 7 WHERE item LIKE ''q%'' LIMIT 1'
DELETE FROM orders WHERE item LIKE 'zq%' ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'DELETE FROM orders WHERE item LIKE ''zq%'''
DELETE orders FROM orders WHERE item LIKE 'q%' ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'DELETE orders FROM orders WHERE item LIKE ''q%'''
TRUNCATE TABLE blank ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'TRUNCATE TABLE blank'
ALTER TABLE blank COMMENT 'y' ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'ALTER TABLE blank COMMENT ''y'''
CREATE TABLE cr SELECT 1 AS a UNION SELECT 2 ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'CREATE TABLE cr SELECT 1 AS a UNION SELECT 2'
INSERT INTO cr VALUES (3) ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'INSERT INTO cr VALUES (3)'
DROP TABLE cr ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'DROP TABLE cr'
DROP TABLE IF EXISTS cr ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'DROP TABLE IF EXISTS cr'
SET @x = 1 ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SET @x = 1'
SET @x = (SELECT MAX(id) FROM orders) ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SET @x = (SELECT MAX(id) FROM orders)'
SELECT 1 INTO @y ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SELECT 1 INTO @y'
SELECT id FROM orders WHERE id < 3 LIMIT 1 INTO @y ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SELECT id FROM orders WHERE id < 3 LIMIT 1 INTO @y'
DO LAST_INSERT_ID(66) ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'DO LAST_INSERT_ID(66)'
DO SLEEP(0) ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'DO SLEEP(0)'
SELECT LAST_INSERT_ID(67) ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SELECT LAST_INSERT_ID(67)'
USE shop ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'USE shop'
BEGIN ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'BEGIN'
COMMIT ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'COMMIT'
ROLLBACK ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'ROLLBACK'
SAVEPOINT s ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SAVEPOINT s'
FLUSH STATUS ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'FLUSH STATUS'
ANALYZE TABLE blank ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'ANALYZE TABLE blank'
OPTIMIZE TABLE blank ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'OPTIMIZE TABLE blank'
SHOW TABLES ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SHOW TABLES'
SHOW WARNINGS ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SHOW WARNINGS'
SHOW COUNT(*) WARNINGS ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SHOW COUNT(*) WARNINGS'
SHOW VARIABLES LIKE 'port_no' ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SHOW VARIABLES LIKE ''port_no'''
EXPLAIN SELECT 1 ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'EXPLAIN SELECT 1'
SIGNAL SQLSTATE '01000' ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SIGNAL SQLSTATE ''01000'''
SIGNAL SQLSTATE '45000' ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SIGNAL SQLSTATE ''45000'''
SELECT nothing ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SELECT nothing'
SELEC ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SELEC'
INSERT INTO orders (id, item) VALUES (900000, 'q9') ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'INSERT INTO orders (id, item) VALUES (900000, ''q9'')'
INSERT INTO orders (item) VALUES ('q10') ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'INSERT INTO orders (item) VALUES (''q10'')'
DELETE FROM orders WHERE id >= 900000 ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'DELETE FROM orders WHERE id >= 900000'
PREPARE s FROM 'INSERT INTO orders (item) VALUES ("q11")' ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'PREPARE s FROM ''INSERT INTO orders (item) VALUES ("q11")'''
EXECUTE s ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'EXECUTE s'
DEALLOCATE PREPARE s ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'DEALLOCATE PREPARE s'
INSERT INTO orders (item) VALUES ('q11') ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'INSERT INTO orders (item) VALUES (''q11'')'
CREATE TEMPORARY TABLE tt (id INT PRIMARY KEY AUTO_INCREMENT, v INT) ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'CREATE TEMPORARY TABLE tt (id INT PRIMARY KEY AUTO_INCREMENT, v INT)'
INSERT INTO tt (v) VALUES (1), (2), (3) ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'INSERT INTO tt (v) VALUES (1), (2), (3)'
UPDATE tt SET v = v + 1 ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'UPDATE tt SET v = v + 1'
DELETE FROM tt WHERE id = 2 ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'DELETE FROM tt WHERE id = 2'
INSERT INTO tt (id, v) VALUES (5, LAST_INSERT_ID()) ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'INSERT INTO tt (id, v) VALUES (5, LAST_INSERT_ID())'
INSERT INTO tt (id, v) VALUES (0, 1) ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'INSERT INTO tt (id, v) VALUES (0, 1)'
DROP TEMPORARY TABLE tt ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'DROP TEMPORARY TABLE tt'
DELETE FROM orders WHERE item LIKE 'q%' ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'DELETE FROM orders WHERE item LIKE ''q%'''
LOCK TABLES orders WRITE ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'LOCK TABLES orders WRITE'
UPDATE orders SET amount = 1 WHERE id = 1 ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'UPDATE orders SET amount = 1 WHERE id = 1'
UNLOCK TABLES ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'UNLOCK TABLES'
HANDLER orders OPEN ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'HANDLER orders OPEN'
HANDLER orders READ FIRST ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'HANDLER orders READ FIRST'
HANDLER orders CLOSE ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'HANDLER orders CLOSE'
XA START 'f' ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'XA START ''f'''
UPDATE orders SET amount = 2 WHERE id = 1 ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'UPDATE orders SET amount = 2 WHERE id = 1'
XA END 'f' ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'XA END ''f'''
XA ROLLBACK 'f' ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'XA ROLLBACK ''f'''
CREATE VIEW vv AS SELECT 1 ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'CREATE VIEW vv AS SELECT 1'
DROP VIEW vv ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'DROP VIEW vv'
GRANT SELECT ON shop.* TO CURRENT_USER() ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'GRANT SELECT ON shop.* TO CURRENT_USER()'
CREATE TRIGGER tr BEFORE INSERT ON blank FOR EACH ROW SET @tr = LAST_INSERT_ID(99) ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'CREATE TRIGGER tr BEFORE INSERT ON blank FOR EACH ROW SET @tr = LAST_INSERT_ID(99)'
INSERT INTO blank VALUES (1, 'x') ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'INSERT INTO blank VALUES (1, ''x'')'
DROP TRIGGER tr ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'DROP TRIGGER tr'
DELETE FROM blank ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'DELETE FROM blank'
SELECT GET_LOCK('f', 0) ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SELECT GET_LOCK(''f'', 0)'
DO RELEASE_LOCK('f') ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'DO RELEASE_LOCK(''f'')'
INSERT INTO cheap (amount) VALUES (1) ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'INSERT INTO cheap (amount) VALUES (1)'
SET last_insert_id = 12 ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SET last_insert_id = 12'
SET @@insert_id = 777 ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SET @@insert_id = 777'
INSERT INTO orders (item) VALUES ('q777') ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'INSERT INTO orders (item) VALUES (''q777'')'
SET @@identity = 13 ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SET @@identity = 13'
DELETE FROM orders WHERE item LIKE 'q%' ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'DELETE FROM orders WHERE item LIKE ''q%'''
KILL 999999999 ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'KILL 999999999'
RESET QUERY CACHE ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'RESET QUERY CACHE'
SET timestamp = 1 ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SET timestamp = 1'
SELECT NOW() ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SELECT NOW()'
SET timestamp = DEFAULT ;; SELECT ROW_COUNT(), LAST_INSERT_ID(), FOUND_ROWS(), @@identity, @@last_insert_id, 'SET timestamp = DEFAULT'
INSERT INTO orders (item) VALUES ('w1') ;; SELECT LAST_INSERT_ID() = (SELECT MAX(id) FROM orders)
INSERT INTO orders (id, item) VALUES (800001, 'w2') ;; SELECT LAST_INSERT_ID() = (SELECT MAX(id) FROM orders WHERE id < 800001)
INSERT INTO orders (id, item) SELECT 800002, 'w3' ;; SELECT LAST_INSERT_ID() < 800001
INSERT INTO orders SET id = 800003, item = 'w4' ;; SELECT LAST_INSERT_ID() < 800001
BEGIN ;; INSERT INTO orders (id, item) VALUES (800005, 'w5') ;; SELECT LAST_INSERT_ID() < 800001 ;; COMMIT ;; SELECT LAST_INSERT_ID() < 800001
!prepare ins INSERT INTO orders (id, item) VALUES (?, ?)
!execute ins 800006 w6 ;; SELECT LAST_INSERT_ID() < 800001
!execute ins 800007 w7 ;; SELECT LAST_INSERT_ID() < 800001 ;; SELECT LAST_INSERT_ID() < 800001
!close ins
!prepare ins INSERT INTO orders (id, item) VALUES (800008, ?)
!execute ins w8 ;; SELECT LAST_INSERT_ID() < 800001
!close ins
REPLACE INTO orders (id, item) VALUES (800008, 'w9') ;; SELECT LAST_INSERT_ID() < 800001
INSERT INTO orders (item) VALUES ('w10'), ('w11') ;; SELECT LAST_INSERT_ID() ;; DELETE FROM orders WHERE item LIKE 'w%' ;; SELECT LAST_INSERT_ID()
INSERT INTO orders (id, item) VALUES (LAST_INSERT_ID(42) + 100000, 'w12') ;; SELECT LAST_INSERT_ID() ;; DELETE FROM orders WHERE item LIKE 'w%'
SET @a = LAST_INSERT_ID(43) ;; SELECT LAST_INSERT_ID() ;; SET @a = NULL
SELECT LAST_INSERT_ID(44) INTO @z ;; SELECT LAST_INSERT_ID()
SELECT LAST_INSERT_ID(45) FROM orders WHERE 0 ;; SELECT LAST_INSERT_ID()
SELECT 1 WHERE LAST_INSERT_ID(46) > 0 ;; SELECT LAST_INSERT_ID()
DELETE FROM orders WHERE id = LAST_INSERT_ID(47) ;; SELECT LAST_INSERT_ID()
[mariadb]
INSERT INTO orders (item) VALUES ('v1') RETURNING id > 0 ;; SELECT LAST_INSERT_ID() = (SELECT MAX(id) FROM orders)
DELETE FROM orders WHERE item = 'v1' RETURNING item ;; SELECT LAST_INSERT_ID() > 0
SELECT item FROM orders LIMIT 2 ;; SELECT 1 INTO @y ;; SELECT FOUND_ROWS()
[both]
