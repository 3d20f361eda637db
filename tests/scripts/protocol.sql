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
EXPLAIN {UPDATE orders SET amount = 1|DELETE FROM orders|INSERT INTO orders (item) VALUES ('e')}
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
