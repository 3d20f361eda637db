-- What a statement leaves behind, and what the statements behind it do to that: some keep it, some end it, some bring
-- their own.

-- Statements without a table.
SELECT CAST('x' AS SIGNED) ;; {SELECT 1|SELECT 1 FROM DUAL|VALUES (1)|SELECT 1 UNION SELECT 2|SELECT twice(1)|DO 1|BEGIN|COMMIT|ROLLBACK|SET @kept = 1|SET NAMES utf8mb4|USE shop|SET autocommit = 1|SELECT EXTRACT(YEAR FROM '2020-01-01'), TRIM('x' FROM 'xax')|SELECT SUBSTRING('abc' FROM 2)|(SELECT 1)|SELECT NOW() > 0|EXPLAIN SELECT 1|SELECT @@sql_mode|SELECT CONNECTION_ID() > 0|SELECT DATABASE()} ;; SHOW WARNINGS ;; SHOW COUNT(*) WARNINGS
COMMIT
-- Statements with one.
SELECT CAST('x' AS SIGNED), CAST('y' AS SIGNED) ;; {SELECT id FROM orders LIMIT 1|SELECT (SELECT COUNT(*) > 0 FROM orders)|SELECT * FROM (SELECT 1 AS one) AS derived|WITH c AS (SELECT 1 AS one) SELECT one FROM c|UPDATE orders SET amount = 1 WHERE id = 1|SET @n = (SELECT COUNT(*) > 0 FROM orders)|DO (SELECT COUNT(*) FROM orders)|SHOW TABLES|SHOW COLUMNS FROM orders|SHOW VARIABLES LIKE 'lower_case_table_names'|SHOW CREATE TABLE orders|EXPLAIN SELECT id FROM orders WHERE id = 1|INSERT INTO blank VALUES (1, 'a')|DELETE FROM blank|SELECT COUNT(*) FROM cheap WHERE id < 0|LOCK TABLES orders READ|UNLOCK TABLES|TRUNCATE TABLE blank|CHECKSUM TABLE blank} ;; SHOW WARNINGS ;; SELECT @@warning_count, @@error_count
-- Statements of which the text does not tell.
SELECT CAST('x' AS SIGNED) ;; {CALL two()|CALL remember()|CALL strict()|SELECT bump()|SELECT twice(2)|SET @t = twice(3)|DO twice(4)|CALL warn()|CALL fail()|CALL nothing_there()} ;; SHOW WARNINGS ;; SHOW ERRORS
CALL warn() ;; CALL two() ;; SHOW WARNINGS
CALL warn() ;; CALL remember() ;; SHOW WARNINGS ;; COMMIT ;; SHOW WARNINGS ;; CALL remember() ;; SHOW WARNINGS
SET sql_mode = DEFAULT
!reset
-- Errors are kept alike.
SELECT nothing ;; {COMMIT|ROLLBACK|SELECT 1|SET @kept = 2|BEGIN|DO 2} ;; SHOW ERRORS ;; SHOW COUNT(*) ERRORS ;; SELECT @@error_count + 1, @@warning_count ;; COMMIT
INSERT INTO orders (item) VALUES ('apple') ;; ROLLBACK ;; SHOW WARNINGS ;; SHOW ERRORS LIMIT 1
SELEC ;; SHOW WARNINGS ;; SELECT 1 ;; SHOW WARNINGS ;; SELECT id FROM orders LIMIT 1 ;; SHOW WARNINGS
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'own', MYSQL_ERRNO = 3100 ;; SELECT 1 ;; SHOW ERRORS
SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'it''s \\ "own"', MYSQL_ERRNO = 1000 ;; COMMIT ;; SHOW WARNINGS ;; SHOW ERRORS
DROP TABLE IF EXISTS never_there ;; SELECT 1 ;; SHOW WARNINGS ;; SHOW ERRORS ;; SHOW COUNT(*) WARNINGS ;; SHOW COUNT(*) ERRORS
CREATE DATABASE IF NOT EXISTS shop ;; COMMIT ;; SHOW WARNINGS
-- Limits, and several at once.
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED), CAST('c' AS SIGNED) ;; SELECT 1 ;; SHOW WARNINGS LIMIT {1|2|1, 1|1, 5|0|3, 1} ;; SHOW WARNINGS LIMIT 1 OFFSET 2
SET max_error_count = 2 ;; SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED), CAST('c' AS SIGNED) ;; SELECT 1 ;; SHOW WARNINGS ;; SELECT @@warning_count ;; SET max_error_count = DEFAULT
!reset
-- Transactions.
BEGIN ;; SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; SHOW WARNINGS ;; SAVEPOINT a ;; SHOW WARNINGS ;; COMMIT ;; SHOW WARNINGS ;; SELECT COUNT(*) > 0 FROM orders ;; SHOW WARNINGS
BEGIN ;; SELECT CAST('x' AS SIGNED) ;; {COMMIT|ROLLBACK} ;; SELECT 1 ;; SHOW WARNINGS ;; BEGIN ;; SHOW WARNINGS ;; SELECT COUNT(*) > 0 FROM orders ;; SHOW WARNINGS ;; COMMIT
SELECT CAST('x' AS SIGNED) ;; BEGIN ;; SHOW WARNINGS ;; SELECT CAST('y' AS SIGNED) ;; SHOW WARNINGS ;; SELECT 1 ;; COMMIT ;; SHOW WARNINGS
SELECT CAST('x' AS SIGNED) ;; START TRANSACTION READ ONLY ;; SHOW WARNINGS ;; SELECT CAST('y' AS SIGNED) ;; SELECT 1 ;; SHOW WARNINGS ;; COMMIT ;; SHOW WARNINGS
START TRANSACTION READ ONLY ;; SELECT CAST('y' AS SIGNED) ;; DO 1 ;; SELECT GET_LOCK('w', 0) ;; SHOW WARNINGS ;; DO RELEASE_LOCK('w') ;; SHOW WARNINGS ;; COMMIT ;; SHOW WARNINGS
BEGIN ;; INSERT INTO blank VALUES (9, 'n') ;; INSERT INTO blank VALUES (9, 'n') ;; ROLLBACK ;; SHOW WARNINGS ;; SELECT COUNT(*) FROM blank ;; SHOW WARNINGS
-- Pins.
SET @v = 1 ;; SELECT CAST('x' AS SIGNED) ;; SET @v = 2 ;; SHOW WARNINGS ;; SELECT @v ;; SHOW WARNINGS
CREATE TEMPORARY TABLE kept (id INT) ;; SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; SHOW WARNINGS ;; DROP TEMPORARY TABLE kept ;; SHOW WARNINGS
SELECT CAST('x' AS SIGNED) ;; SELECT GET_LOCK('w', 0) ;; SHOW WARNINGS ;; SELECT RELEASE_LOCK('w') ;; SHOW WARNINGS ;; SELECT COUNT(*) > 0 FROM orders ;; SHOW WARNINGS
SELECT CAST('x' AS SIGNED) ;; PREPARE s FROM 'SELECT 1' ;; SHOW WARNINGS ;; EXECUTE s ;; SHOW WARNINGS ;; DEALLOCATE PREPARE s ;; SHOW WARNINGS
SELECT CAST('x' AS SIGNED) ;; PREPARE s FROM 'SELECT id FROM orders LIMIT 1' ;; SHOW WARNINGS ;; EXECUTE s ;; DEALLOCATE PREPARE s ;; SHOW WARNINGS
!reset
-- GET DIAGNOSTICS.
SELECT CAST('x' AS SIGNED), CAST('y' AS SIGNED) ;; SELECT 1 ;; GET DIAGNOSTICS @n = NUMBER ;; SELECT @n ;; GET DIAGNOSTICS CONDITION 1 @s = RETURNED_SQLSTATE, @c = MYSQL_ERRNO, @m = MESSAGE_TEXT ;; SELECT @s, @c, @m ;; GET DIAGNOSTICS CONDITION 2 @m = MESSAGE_TEXT ;; SELECT @m ;; SHOW WARNINGS
SELECT CAST('x' AS SIGNED) ;; COMMIT ;; GET CURRENT DIAGNOSTICS CONDITION 1 @a = CLASS_ORIGIN, @b = SUBCLASS_ORIGIN, @c = CONSTRAINT_CATALOG, @d = CONSTRAINT_SCHEMA, @e = CONSTRAINT_NAME, @f = CATALOG_NAME, @g = SCHEMA_NAME, @h = TABLE_NAME, @i = COLUMN_NAME, @j = CURSOR_NAME ;; SELECT @a, @b, @c, @d, @e, @f, @g, @h, @i, @j
SELECT CAST('x' AS SIGNED) ;; COMMIT ;; GET DIAGNOSTICS CONDITION 5 @m = MESSAGE_TEXT ;; SHOW WARNINGS ;; COMMIT ;; SHOW WARNINGS
SELECT 1 FROM orders LIMIT 1 ;; GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT ;; SHOW WARNINGS ;; COMMIT ;; SHOW WARNINGS
SIGNAL SQLSTATE '45123' SET MESSAGE_TEXT = 'of mine', TABLE_NAME = 'a table', SCHEMA_NAME = 'a schema', COLUMN_NAME = 'a column', CURSOR_NAME = 'a cursor', CONSTRAINT_NAME = 'a constraint' ;; ROLLBACK ;; GET DIAGNOSTICS CONDITION 1 @s = RETURNED_SQLSTATE, @o = CLASS_ORIGIN, @p = SUBCLASS_ORIGIN, @t = TABLE_NAME, @u = SCHEMA_NAME, @v = COLUMN_NAME, @w = CURSOR_NAME, @x = CONSTRAINT_NAME, @e = MYSQL_ERRNO ;; SELECT @s, @o, @p, @t, @u, @v, @w, @x, @e
SET @one = 1 ;; SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; GET DIAGNOSTICS CONDITION @one @m = MESSAGE_TEXT ;; SELECT @m
UPDATE orders SET amount = 3 WHERE id = 1 ;; UPDATE orders SET amount = 1 WHERE id = 1 ;; COMMIT ;; GET DIAGNOSTICS @r = ROW_COUNT, @n = NUMBER ;; SELECT @r, @n
[mariadb]
INSERT INTO orders (item) VALUES ('new'), ('apple') ;; ROLLBACK ;; GET DIAGNOSTICS CONDITION 1 @r = ROW_NUMBER ;; SELECT @r
[both]
!reset
-- Expressions over the counts.
SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; SELECT @@warning_count ;; SELECT @@session.warning_count AS w, @@error_count * 2 AS e ;; SELECT @@warning_count + @@error_count ;; SET @w = @@warning_count ;; SELECT @w
SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; SELECT @@warning_count FROM orders LIMIT 1 ;; SHOW WARNINGS
SELECT nothing ;; SELECT 1 ;; SELECT @@error_count ;; SELECT @@error_count FROM orders LIMIT 1 ;; SELECT @@error_count
-- Commands that are no statements.
SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; !ping ;; SHOW WARNINGS ;; !init shop ;; SHOW WARNINGS ;; !multi on ;; SHOW WARNINGS ;; !multi off ;; SHOW WARNINGS ;; !init nowhere ;; SHOW WARNINGS ;; SELECT 1 ;; SHOW WARNINGS
SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; !prepare keeps SELECT ? ;; SHOW WARNINGS ;; !execute keeps one ;; SHOW WARNINGS ;; !close keeps ;; SHOW WARNINGS
SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; !prepare ends SELECT id FROM orders WHERE id = ? ;; SHOW WARNINGS
SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; !execute ends 1 ;; SHOW WARNINGS ;; !close ends
SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; !prepare wrong SELEC ;; SHOW WARNINGS ;; SELECT 1 ;; SHOW WARNINGS
SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; !reset ;; SHOW WARNINGS
SELECT CAST('x' AS SIGNED) ;; !reset ;; SHOW WARNINGS
SELECT nothing ;; !reset ;; SHOW ERRORS
SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; !user shop ;; SHOW WARNINGS
-- Several statements in one text.
!multi on
SELECT CAST('x' AS SIGNED); SELECT 1 ;; SHOW WARNINGS ;; COMMIT ;; SHOW WARNINGS
SELECT CAST('x' AS SIGNED); SELECT COUNT(*) > 0 FROM orders ;; SHOW WARNINGS
SELECT CAST('x' AS SIGNED) ;; SELECT 1; SELECT 2 ;; SHOW WARNINGS ;; SELECT 1; SELECT COUNT(*) > 0 FROM orders ;; SHOW WARNINGS
SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; SHOW WARNINGS; SHOW ERRORS; SHOW COUNT(*) ERRORS ;; SHOW WARNINGS
SELECT CAST('x' AS SIGNED) ;; SHOW WARNINGS; SHOW COUNT(*) WARNINGS ;; SHOW WARNINGS
SELECT 1 FROM orders LIMIT 1 ;; SELECT 1; SHOW WARNINGS
SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; SELECT 1; SHOW WARNINGS ;; SHOW WARNINGS
SELECT nothing ;; SELECT 1 ;; DO 1; SHOW WARNINGS; SHOW ERRORS ;; SHOW WARNINGS
!multi off
-- Another session has its own, whatever connection it gets.
SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; @b SHOW WARNINGS ;; @b BEGIN ;; @b SHOW WARNINGS ;; @b COMMIT ;; @b SHOW WARNINGS ;; SHOW WARNINGS
SELECT nothing ;; COMMIT ;; @b BEGIN ;; @b SHOW ERRORS ;; @b SELECT @@error_count ;; @b COMMIT ;; SHOW ERRORS
@b SELECT CAST('b' AS SIGNED) ;; @b SELECT 1 ;; SELECT CAST('a' AS SIGNED) ;; SELECT 1 ;; @b SHOW WARNINGS ;; SHOW WARNINGS
-- Row counts outlast the asking.
SELECT SQL_CALC_FOUND_ROWS item FROM orders LIMIT 1 ;; SHOW COUNT(*) WARNINGS ;; SELECT FOUND_ROWS(), ROW_COUNT()
SELECT CAST('x' AS SIGNED) ;; SELECT SQL_CALC_FOUND_ROWS twice(id) FROM orders LIMIT 1 ;; SELECT FOUND_ROWS(), ROW_COUNT() ;; SHOW WARNINGS
UPDATE orders SET amount = amount + 1 WHERE id < 3 ;; SHOW WARNINGS ;; SELECT ROW_COUNT()
UPDATE orders SET amount = amount + 1 WHERE id < 3 ;; GET DIAGNOSTICS @r = ROW_COUNT ;; SELECT @r
SELECT CAST('x' AS SIGNED) ;; CALL remember() ;; SELECT ROW_COUNT(), FOUND_ROWS()
-- Several conditions at once, of several levels.
SET sql_mode = '' ;; INSERT INTO blank VALUES ('1x', 'y'), ('2y', 'z') ;; COMMIT ;; SHOW WARNINGS ;; SHOW COUNT(*) WARNINGS ;; DELETE FROM blank ;; SHOW WARNINGS
INSERT IGNORE INTO orders (item) VALUES ('apple'), ('pear') ;; DO 1 ;; SHOW WARNINGS ;; SHOW ERRORS ;; SET sql_mode = DEFAULT ;; SHOW WARNINGS
SET NAMES latin1 ;; SELECT CAST('ü' AS SIGNED) ;; COMMIT ;; SHOW WARNINGS ;; SET NAMES utf8mb4 ;; SHOW WARNINGS
SELECT CAST('ü€' AS SIGNED) ;; COMMIT ;; SHOW WARNINGS ;; GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT ;; SELECT @m
SET character_set_results = NULL ;; SELECT CAST('x' AS SIGNED) ;; COMMIT ;; SHOW WARNINGS ;; SET NAMES utf8mb4
!fields orders
SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; !fields orders ;; SHOW WARNINGS
SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; KILL 999999999 ;; SHOW WARNINGS
[mariadb]
SET sql_mode = 'ORACLE' ;; SELECT CAST('x' AS SIGNED) FROM DUAL ;; COMMIT ;; SHOW WARNINGS ;; SELECT COUNT(*) > 0 FROM orders ;; SHOW WARNINGS ;; SET sql_mode = DEFAULT
SET sql_mode = 'ANSI_QUOTES' ;; SELECT CAST('x' AS SIGNED) ;; COMMIT ;; SHOW WARNINGS ;; SET sql_mode = DEFAULT
[both]
UPDATE orders SET amount = amount + 1 WHERE id < 3 ;; !prepare wrong SELEC ;; SELECT ROW_COUNT()
UPDATE orders SET amount = amount + 1 WHERE id < 3 ;; !init nowhere ;; SELECT ROW_COUNT()
UPDATE orders SET amount = amount + 1 WHERE id < 3 ;; !prepare right SELECT 1 ;; SELECT ROW_COUNT() ;; !close right
-- FOUND_ROWS() behind writes, which each server counts in its own way.
SELECT item FROM orders LIMIT 2 ;; {UPDATE orders SET amount = amount + 1|UPDATE orders SET amount = 1 WHERE id = 1|UPDATE orders SET amount = 1 WHERE id = 1|UPDATE orders SET amount = 1 WHERE id = 99|UPDATE orders SET amount = 1 WHERE 0|UPDATE orders SET amount = amount + 1 ORDER BY amount DESC LIMIT 1|UPDATE orders, store.names SET orders.amount = 1 WHERE orders.id = store.names.id|UPDATE cheap SET amount = 1 WHERE id = 1|UPDATE orders SET nothing = 1|UPDATE orders SET amount = (SELECT COUNT(*) FROM store.names) WHERE id = 1|UPDATE orders SET amount = 1 WHERE id = (SELECT MAX(id) FROM store.names)} ;; SELECT FOUND_ROWS(), ROW_COUNT()
SELECT item FROM orders LIMIT 2 ;; {INSERT INTO blank SELECT id, item FROM orders|REPLACE INTO blank (id, note) SELECT id, item FROM orders|INSERT INTO blank SELECT 50, 'x'|INSERT INTO blank (SELECT id + 100, item FROM orders ORDER BY id LIMIT 1)|INSERT INTO blank SELECT id, item FROM orders WHERE 0|INSERT INTO blank VALUES (60, 'a'), (61, 'b')|INSERT INTO blank VALUES (62, (SELECT COUNT(*) FROM orders))|DELETE FROM blank WHERE id = 1|DELETE FROM blank WHERE id = (SELECT MAX(id) FROM store.names)|DELETE blank FROM blank JOIN orders ON orders.id = blank.id|DELETE FROM b USING blank AS b JOIN orders ON orders.id = b.id|DELETE FROM blank ORDER BY id LIMIT 1|SET @x = (SELECT COUNT(*) FROM orders)|DO (SELECT COUNT(*) FROM orders)|DELETE FROM blank} ;; SELECT FOUND_ROWS(), ROW_COUNT()
SELECT item FROM orders LIMIT 2 ;; CREATE TABLE made SELECT * FROM orders ;; SELECT FOUND_ROWS(), ROW_COUNT() ;; DROP TABLE made
BEGIN ;; SELECT item FROM orders LIMIT 2 ;; UPDATE orders SET amount = (SELECT COUNT(*) FROM store.names) WHERE id = 1 ;; SHOW WARNINGS ;; COMMIT ;; SELECT FOUND_ROWS(), ROW_COUNT()
SELECT 1 FROM orders AS a, orders AS b, orders AS c, orders AS d, orders AS e LIMIT 500 ;; UPDATE orders SET amount = (SELECT COUNT(*) FROM store.names) WHERE id = 1 ;; SELECT FOUND_ROWS()
SELECT SQL_CALC_FOUND_ROWS 1 FROM orders AS a, orders AS b, orders AS c, orders AS d, orders AS e, orders AS f, orders AS g, orders AS h, orders AS i LIMIT 1 ;; SELECT FOUND_ROWS() > 10000 ;; UPDATE orders SET amount = 1 WHERE id IN (SELECT id FROM store.names WHERE 0) ;; SELECT FOUND_ROWS() ;; DELETE FROM blank WHERE id IN (SELECT id FROM store.names) ;; SELECT FOUND_ROWS()
-- Statements that were never prepared.
!prepare gone SELECT 1
!close gone
SELECT 1 ;; !execute gone ;; SHOW WARNINGS ;; SHOW COUNT(*) ERRORS ;; SELECT ROW_COUNT() ;; COMMIT ;; SELECT 1 FROM orders LIMIT 1 ;; SHOW WARNINGS
SELECT 1 ;; !fetch gone 1 ;; SHOW ERRORS
SELECT 1 ;; !clear gone ;; SHOW ERRORS
BEGIN ;; SELECT 1 ;; !execute gone ;; SHOW WARNINGS ;; SELECT COUNT(*) > 0 FROM orders ;; COMMIT
SELECT CAST('x' AS SIGNED) ;; !execute gone ;; SHOW WARNINGS ;; !fetch gone 1 ;; SHOW WARNINGS ;; SELECT 1 ;; SHOW WARNINGS ;; BEGIN ;; SELECT nothing ;; !clear gone ;; SHOW WARNINGS ;; COMMIT
[mariadb]
SELECT CAST('x' AS SIGNED) ;; !execute gone ;; SHOW WARNINGS ;; COMMIT ;; SHOW WARNINGS ;; !clear gone ;; SHOW ERRORS ;; SELECT 1 ;; SHOW ERRORS
[both]
SET sql_select_limit = 1 ;; SELECT CAST('x' AS SIGNED), CAST('y' AS SIGNED) ;; COMMIT ;; SHOW WARNINGS ;; SHOW WARNINGS LIMIT 2 ;; SET sql_select_limit = DEFAULT
SET max_join_size = 1, sql_safe_updates = 1 ;; SELECT CAST('x' AS SIGNED), CAST('y' AS SIGNED) ;; COMMIT ;; SHOW WARNINGS ;; SET max_join_size = DEFAULT, sql_safe_updates = DEFAULT
XA START 'w' ;; SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; SHOW WARNINGS ;; XA END 'w' ;; SHOW WARNINGS ;; XA ROLLBACK 'w' ;; SHOW WARNINGS
LOCK TABLES orders READ ;; SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; SHOW WARNINGS ;; UNLOCK TABLES ;; SHOW WARNINGS
@b SELECT id FROM orders FOR UPDATE ;; SELECT item FROM orders LIMIT 2 ;; UPDATE orders SET amount = 1 WHERE 0 ;; SELECT FOUND_ROWS() ;; UPDATE orders SET amount = 1 WHERE id = 99 ;; SELECT FOUND_ROWS()
@b SELECT id FROM orders FOR UPDATE ;; SELECT item FROM orders LIMIT 2 ;; UPDATE orders SET amount = 1 WHERE id IN (SELECT id FROM store.names) ;; SELECT FOUND_ROWS()
@b SELECT id FROM orders FOR UPDATE ;; SELECT item FROM orders LIMIT 2 ;; DELETE FROM blank WHERE id IN (SELECT id FROM store.names) ;; SELECT FOUND_ROWS()
@b SELECT id FROM orders FOR UPDATE ;; SELECT item FROM orders LIMIT 2 ;; BEGIN ;; UPDATE orders SET amount = 1 WHERE id IN (SELECT id FROM store.names WHERE 0) ;; SELECT FOUND_ROWS() ;; COMMIT
-- Several statements in one text, with warnings from before: each is as if it had come alone.
!multi on
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; COMMIT ;; SELECT 1; SHOW WARNINGS ;; SELECT 1;SELECT 2; SHOW COUNT(*) WARNINGS;SHOW WARNINGS LIMIT 1 ;; COMMIT; SELECT @@warning_count, 1 ;; SHOW WARNINGS
DROP TABLE IF EXISTS never_there, nor_this ;; COMMIT ;; SELECT 1; SHOW WARNINGS ;; SHOW WARNINGS
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; {SELECT COUNT(*) > 0 FROM orders|SELECT CAST('c' AS SIGNED)|CALL two()|CALL warn()|SET @x = twice(2)|BEGIN|INSERT INTO blank VALUES (77, 'a')|SET NAMES utf8mb4|SELECT nothing|CALL fail()|SELECT * FROM;|SELEC * FROM x|SELECT 'open|USE nowhere|SELECT ROW_COUNT() FRM|USE shop|SET @y = 5, @z = @y + 1|SELECT id FROM orders WHERE id = 1}; SHOW WARNINGS; SELECT @@warning_count;SHOW ERRORS ;; SHOW WARNINGS ;; COMMIT
DELETE FROM blank
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; SELECT 1; SELECT @@warning_count, ROW_COUNT(), FOUND_ROWS(), LAST_INSERT_ID(3); GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT; SELECT @n, @r, LAST_INSERT_ID(), ROW_COUNT() ;; SELECT @n ;; SHOW WARNINGS
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; GET DIAGNOSTICS @n = NUMBER; GET DIAGNOSTICS CONDITION @n @m = MESSAGE_TEXT; SELECT @m; SHOW WARNINGS ;; GET DIAGNOSTICS @n = NUMBER; GET DIAGNOSTICS CONDITION @n @m = MESSAGE_TEXT ;; SELECT @n, @m
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SET @i = {1|2|3|0|-1|NULL|'2'|CAST(2 AS UNSIGNED)} ;; GET DIAGNOSTICS CONDITION @i @m = MESSAGE_TEXT ;; SELECT @m ;; SHOW WARNINGS
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; BEGIN ;; SET @I = {1|2|3|0|NULL} ;; GET DIAGNOSTICS CONDITION @`i` @m = MESSAGE_TEXT ;; SELECT @m ;; SHOW WARNINGS ;; COMMIT ;; SHOW WARNINGS
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; SELECT 1;; SHOW WARNINGS ;; SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; ; SHOW WARNINGS ;; SHOW WARNINGS
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; SELECT 1; /* nothing */; SHOW WARNINGS ;; SHOW WARNINGS
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; SELECT 1; SHOW WARNINGS; -- nothing
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; SHOW WARNINGS; SELECT 1; SELECT id FROM orders LIMIT 1; SHOW WARNINGS ;; SHOW WARNINGS
-- Programs that ask.
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; COMMIT ;; IF 1 THEN SHOW WARNINGS; SELECT 1; END IF ;; SHOW WARNINGS
SELECT 1/0, CAST('b' AS SIGNED) ;; COMMIT ;; IF @@warning_count = 2 THEN SELECT 1; GET DIAGNOSTICS @n = NUMBER; SELECT @n; END IF; SHOW WARNINGS ;; SHOW WARNINGS
!multi off
!reset
CREATE PROCEDURE asks() BEGIN GET DIAGNOSTICS @n = NUMBER; SHOW WARNINGS; SELECT @n, @@warning_count; END
COMMIT ;; CALL asks() ;; SHOW WARNINGS
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; COMMIT ;; CALL asks() ;; SHOW WARNINGS ;; CALL asks() ;; SHOW WARNINGS
SELECT nothing ;; COMMIT ;; CALL asks() ;; SHOW WARNINGS
SELECT COUNT(*) > 0 FROM orders ;; CALL asks() ;; SHOW WARNINGS
DROP PROCEDURE asks
-- Counts, in texts with several statements.
!multi on
UPDATE orders SET amount = amount + 1 WHERE id < 3; SELECT ROW_COUNT() ;; SELECT ROW_COUNT()
UPDATE orders SET amount = amount + 1 WHERE id < 3 ;; UPDATE orders SET amount = amount + 1 WHERE id = 1; SELECT ROW_COUNT(), 1 AS one; SELECT ROW_COUNT()
SELECT ROW_COUNT(); UPDATE orders SET amount = amount + 1 WHERE id < 3; SELECT id FROM orders WHERE ROW_COUNT() = 2 AND id = 1
SELECT SQL_CALC_FOUND_ROWS item FROM orders LIMIT 1; SELECT FOUND_ROWS() ;; SELECT FOUND_ROWS()
SELECT item FROM orders LIMIT 2 ;; UPDATE orders SET amount = 1 WHERE id = 99; SELECT FOUND_ROWS(), ROW_COUNT() ;; SELECT FOUND_ROWS()
@b SELECT id FROM orders FOR UPDATE ;; SELECT item FROM orders LIMIT 2 ;; SET @c = 1; SELECT FOUND_ROWS(), ROW_COUNT(); SELECT 1; SELECT FOUND_ROWS() ;; SELECT FOUND_ROWS()
UPDATE orders SET amount = amount + 1 WHERE id < 3 ;; GET DIAGNOSTICS @r = ROW_COUNT; SELECT ROW_COUNT() ;; GET DIAGNOSTICS @r = ROW_COUNT ;; SELECT ROW_COUNT(), @r
UPDATE orders SET amount = amount + 1 WHERE id < 3 ;; GET DIAGNOSTICS @r = ROW_COUNT ;; SELECT ROW_COUNT(), @r
UPDATE orders SET amount = amount + 1 WHERE id < 3 ;; BEGIN ;; GET DIAGNOSTICS @r = ROW_COUNT ;; SELECT ROW_COUNT(), @r ;; COMMIT
UPDATE orders SET amount = amount + 1 WHERE id < 3 ;; GET DIAGNOSTICS CONDITION 3 @r = MESSAGE_TEXT ;; SELECT ROW_COUNT()
INSERT INTO blank VALUES (1, 'a'); SELECT LAST_INSERT_ID(), ROW_COUNT(), CONNECTION_ID() > 0 ;; DELETE FROM blank
INSERT INTO orders (item, amount) VALUES ('counted', 5); SELECT id > 0 FROM orders WHERE ROW_COUNT() = 1 AND id = LAST_INSERT_ID(); DELETE FROM orders WHERE id = LAST_INSERT_ID(); SELECT ROW_COUNT()
BEGIN; UPDATE orders SET amount = amount + 1 WHERE id < 3; SELECT ROW_COUNT(); COMMIT
@b SELECT CAST('x' AS SIGNED), CAST('y' AS SIGNED) ;; @b SELECT 1 ;; SELECT @@warning_count ;; @b SELECT @@warning_count
@b SELECT CAST('x' AS SIGNED), CAST('y' AS SIGNED) FROM orders LIMIT 1 FOR UPDATE ;; @b SELECT 1 ;; SELECT 1; SELECT @@warning_count, @@error_count ;; SELECT @@warning_count, @@error_count
@b SELECT nothing FOR UPDATE ;; @b SELECT 1 ;; SET @a = @@warning_count ;; SELECT @a ;; SELECT @@error_count ;; @b SET @a = @@error_count ;; @b SELECT @a
!multi off
[mariadb]
CREATE PROCEDURE knows() BEGIN DO 1; SELECT @@warning_count, ROW_COUNT(), CONNECTION_ID() > 0; END
@b SELECT CAST('x' AS SIGNED), CAST('y' AS SIGNED) FOR UPDATE ;; @b SELECT 1 ;; CALL knows() ;; SHOW WARNINGS
SELECT 1/0 ;; COMMIT ;; CALL knows() ;; SHOW WARNINGS
DROP PROCEDURE knows
!multi on
UPDATE orders SET amount = amount + 1 WHERE id < 3 ;; SELECT LENGTH(@@last_gtid) > 3; SELECT LENGTH(@@last_gtid) > 3
UPDATE orders SET amount = amount + 1 WHERE id < 3 ;; BEGIN NOT ATOMIC SELECT FOUND_ROWS(); SELECT ROW_COUNT(); END
!multi off
[both]
-- Values that are asked for beside warnings.
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; SELECT LAST_INSERT_ID(3) ;; GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT ;; SELECT @n, @r, LAST_INSERT_ID(), ROW_COUNT() 
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; SELECT LAST_INSERT_ID(4), @@warning_count ;; GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT ;; SELECT @n, @r, LAST_INSERT_ID(), ROW_COUNT() 
SELECT 1 ;; SELECT LAST_INSERT_ID(4) ;; SET @n = 1 ;; SELECT LAST_INSERT_ID(), ROW_COUNT() 
SELECT 1 ;; SELECT LAST_INSERT_ID(4) ;; SET @n = 1 ;; SELECT @n, LAST_INSERT_ID(), ROW_COUNT() 
SELECT 1 ;; SELECT LAST_INSERT_ID(5) ;; GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT ;; SELECT @n, @r, LAST_INSERT_ID(), ROW_COUNT() 
SELECT 1 ;; UPDATE orders SET amount = 1 + amount ;; GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT ;; SELECT @n, @r, LAST_INSERT_ID(), ROW_COUNT() 
SELECT nothing ;; GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT ;; SELECT @n, @r, LAST_INSERT_ID(), ROW_COUNT() ;; SHOW WARNINGS
SELECT nothing ;; GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT ;; SHOW WARNINGS ;; GET DIAGNOSTICS CONDITION 7 @n = MYSQL_ERRNO ;; SHOW WARNINGS
!multi on
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; SELECT 1; SELECT @@warning_count, LAST_INSERT_ID(3); SELECT LAST_INSERT_ID()
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; SELECT 1; SELECT LAST_INSERT_ID(9); GET DIAGNOSTICS @n = NUMBER; SELECT LAST_INSERT_ID()
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; SELECT LAST_INSERT_ID(3); SHOW WARNINGS;SELECT LAST_INSERT_ID() ;; SELECT LAST_INSERT_ID()
!multi off
!multi on
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; SELECT a.id FROM orders AS a, orders AS b, orders AS c, orders AS d; SHOW WARNINGS
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; SELECT 1 FROM DUAL WHERE 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy' = 'z' UNION ALL SELECT CAST('c' AS SIGNED); SHOW WARNINGS; SELECT 1 LIMIT 0; SHOW WARNINGS
@b SELECT CAST('x' AS SIGNED), CAST('y' AS SIGNED) FROM orders LIMIT 1 FOR UPDATE ;; @b SELECT 1 ;; SELECT 1 AS a00_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a01_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a02_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a03_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a04_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a05_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a06_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a07_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a08_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a09_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a10_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a11_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a12_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a13_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a14_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a15_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a16_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a17_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a18_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a19_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; SHOW WARNINGS
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; SELECT 1 AS a00_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a01_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a02_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a03_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a04_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a05_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a06_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a07_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a08_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a09_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a10_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a11_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a12_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a13_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a14_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a15_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a16_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a17_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a18_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, 1 AS a19_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; SHOW WARNINGS ;; SHOW WARNINGS
!multi off
SIGNAL SQLSTATE '01000' SET MYSQL_ERRNO = 31000, MESSAGE_TEXT = 'wide' ;; SELECT 1 ;; SHOW WARNINGS ;; SHOW COUNT(*) WARNINGS ;; COMMIT ;; SHOW WARNINGS LIMIT 1 ;; SELECT id FROM orders LIMIT 1 ;; SHOW WARNINGS
SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 31000, MESSAGE_TEXT = 'wide' ;; COMMIT ;; SHOW ERRORS ;; SHOW WARNINGS ;; GET DIAGNOSTICS CONDITION 1 @n = MYSQL_ERRNO ;; SELECT @n ;; SHOW WARNINGS
[mariadb]
SET STATEMENT sql_mode='ANSI_QUOTES' FOR SELECT 1
SET STATEMENT sql_mode='NO_BACKSLASH_ESCAPES' FOR SELECT 1 FROM orders
SET STATEMENT sql_mode='ANSI_QUOTES,NO_BACKSLASH_ESCAPES' FOR SELECT a.id FROM orders a, orders b, orders c, orders d
SET STATEMENT sql_mode='ANSI_QUOTES', max_statement_time=5 FOR SELECT 1 FROM orders WHERE nothing = 1
SET sql_mode = 'ANSI_QUOTES' ;; SET STATEMENT sql_mode='' FOR SELECT 1 ;; SELECT 1 ;; SET sql_mode = DEFAULT
SET STATEMENT sql_mode='ANSI_QUOTES' FOR UPDATE orders SET amount = 1 WHERE id = 1
[both]
-- What each statement makes of FOUND_ROWS().
[both]
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders ORDER BY amount LIMIT 1 OFFSET 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders ORDER BY amount LIMIT 1 OFFSET 1'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders ORDER BY amount LIMIT 1, 5 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders ORDER BY amount LIMIT 1, 5'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders ORDER BY id LIMIT 1 OFFSET 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders ORDER BY id LIMIT 1 OFFSET 1'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders LIMIT 5 OFFSET 2 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders LIMIT 5 OFFSET 2'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders LIMIT 5 OFFSET 3 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders LIMIT 5 OFFSET 3'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders LIMIT 5 OFFSET 30 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders LIMIT 5 OFFSET 30'
SELECT item FROM orders LIMIT 2 ;; SELECT amount, COUNT(*) FROM orders GROUP BY id LIMIT 1 OFFSET 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT amount, COUNT(*) FROM orders GROUP BY id LIMIT 1 OFFSET 1'
SELECT item FROM orders LIMIT 2 ;; SELECT DISTINCT id FROM orders LIMIT 1 OFFSET 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT DISTINCT id FROM orders LIMIT 1 OFFSET 1'
SELECT item FROM orders LIMIT 2 ;; SELECT a.id FROM orders a JOIN orders b ORDER BY a.id, b.id LIMIT 2 OFFSET 4 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT a.id FROM orders a JOIN orders b ORDER BY a.id, b.id LIMIT 2 OFFSET 4'
SELECT item FROM orders LIMIT 2 ;; SELECT id, ROW_NUMBER() OVER (ORDER BY id) FROM orders LIMIT 1 OFFSET 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id, ROW_NUMBER() OVER (ORDER BY id) FROM orders LIMIT 1 OFFSET 1'
SELECT item FROM orders LIMIT 2 ;; SELECT COUNT(*) FROM orders LIMIT 1 OFFSET 0 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT COUNT(*) FROM orders LIMIT 1 OFFSET 0'
SELECT item FROM orders LIMIT 2 ;; SELECT COUNT(*) FROM orders LIMIT 1 OFFSET 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT COUNT(*) FROM orders LIMIT 1 OFFSET 1'
SELECT item FROM orders LIMIT 2 ;; SELECT 1 LIMIT 1 OFFSET 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT 1 LIMIT 1 OFFSET 1'
SELECT item FROM orders LIMIT 2 ;; SELECT 1 LIMIT 5 OFFSET 0 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT 1 LIMIT 5 OFFSET 0'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders WHERE id = 1 LIMIT 1 OFFSET 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders WHERE id = 1 LIMIT 1 OFFSET 1'
SELECT item FROM orders LIMIT 2 ;; SELECT * FROM (SELECT id FROM orders LIMIT 1 OFFSET 1) AS d ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT * FROM (SELECT id FROM orders LIMIT 1 OFFSET 1) AS d'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders GROUP BY id ORDER BY MAX(amount) DESC LIMIT 1 OFFSET 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders GROUP BY id ORDER BY MAX(amount) DESC LIMIT 1 OFFSET 1'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders WHERE id > 0 ORDER BY item DESC LIMIT 1, 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders WHERE id > 0 ORDER BY item DESC LIMIT 1, 1'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders LIMIT 0, 2 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders LIMIT 0, 2'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders LIMIT 0 OFFSET 2 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders LIMIT 0 OFFSET 2'
SELECT item FROM orders LIMIT 2 ;; (SELECT id FROM orders LIMIT 1 OFFSET 1) ;; SELECT FOUND_ROWS(), ROW_COUNT(), '(SELECT id FROM orders LIMIT 1 OFFSET 1)'
SELECT item FROM orders LIMIT 2 ;; (SELECT id FROM orders) LIMIT 1 OFFSET 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), '(SELECT id FROM orders) LIMIT 1 OFFSET 1'
SELECT item FROM orders LIMIT 2 ;; WITH c AS (SELECT id FROM orders) SELECT id FROM c LIMIT 1 OFFSET 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'WITH c AS (SELECT id FROM orders) SELECT id FROM c LIMIT 1 OFFSET 1'
SELECT item FROM orders LIMIT 2 ;; SELECT SUM(amount) FROM orders GROUP BY item WITH ROLLUP LIMIT 1 OFFSET 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT SUM(amount) FROM orders GROUP BY item WITH ROLLUP LIMIT 1 OFFSET 1'
SELECT item FROM orders LIMIT 2 ;; EXPLAIN SELECT id FROM orders WHERE id = 2 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'EXPLAIN SELECT id FROM orders'
SELECT item FROM orders LIMIT 2 ;; EXPLAIN SELECT 1 FROM DUAL ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'EXPLAIN SELECT 1 FROM DUAL'
SELECT item FROM orders LIMIT 2 ;; EXPLAIN SELECT MAX(id) FROM orders WHERE id = 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'EXPLAIN SELECT MAX(id) FROM orders'
SELECT item FROM orders LIMIT 2 ;; EXPLAIN SELECT a.id FROM orders a JOIN orders b WHERE a.id = 1 AND b.id = 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'EXPLAIN SELECT a.id FROM orders a JOIN orders b'
SELECT item FROM orders LIMIT 2 ;; EXPLAIN SELECT id FROM orders WHERE id = 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'EXPLAIN SELECT id FROM orders WHERE id = 1'
SELECT item FROM orders LIMIT 2 ;; EXPLAIN SELECT id FROM orders WHERE 0 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'EXPLAIN SELECT id FROM orders WHERE 0'
SELECT item FROM orders LIMIT 2 ;; EXPLAIN FORMAT=TRADITIONAL SELECT id FROM orders WHERE id = 2 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'EXPLAIN FORMAT=JSON SELECT id FROM orders'
SELECT item FROM orders LIMIT 2 ;; EXPLAIN UPDATE orders SET amount = 1 WHERE id = 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'EXPLAIN UPDATE orders SET amount = 1'
SELECT item FROM orders LIMIT 2 ;; EXPLAIN DELETE FROM orders WHERE id = 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'EXPLAIN DELETE FROM orders'
SELECT item FROM orders LIMIT 2 ;; EXPLAIN SELECT 1 UNION SELECT 2 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'EXPLAIN SELECT 1 UNION SELECT 2'
SELECT item FROM orders LIMIT 2 ;; EXPLAIN EXTENDED SELECT 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'EXPLAIN EXTENDED SELECT 1'
SELECT item FROM orders LIMIT 2 ;; DESC orders ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'DESC orders'
SELECT item FROM orders LIMIT 2 ;; DESC SELECT 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'DESC SELECT 1'
SELECT item FROM orders LIMIT 2 ;; EXPLAIN orders ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'EXPLAIN orders'
SELECT item FROM orders LIMIT 2 ;; EXPLAIN WITH c AS (SELECT 1) SELECT * FROM c ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'EXPLAIN WITH c AS (SELECT 1) SELECT * FROM c'
SELECT item FROM orders LIMIT 2 ;; HANDLER orders OPEN ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'HANDLER orders OPEN'
SELECT item FROM orders LIMIT 2 ;; HANDLER orders READ FIRST ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'HANDLER orders READ FIRST'
SELECT item FROM orders LIMIT 2 ;; HANDLER orders READ NEXT LIMIT 5 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'HANDLER orders READ NEXT LIMIT 5'
SELECT item FROM orders LIMIT 2 ;; HANDLER orders CLOSE ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'HANDLER orders CLOSE'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders WHERE id IN (SELECT id FROM orders) LIMIT 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders WHERE id IN (SELECT id FROM orders) LIMIT 1'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders PROCEDURE ANALYSE() ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders PROCEDURE ANALYSE()'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders LIMIT 18446744073709551615 OFFSET 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders LIMIT 18446744073709551615 OFFSET 1'
!prepare page SELECT id FROM orders ORDER BY id LIMIT ? OFFSET ?
!execute page 1 1 ;; SELECT FOUND_ROWS(), 'a'
!execute page 1 2 ;; SELECT FOUND_ROWS(), 'b'
!execute page 5 30 ;; SELECT FOUND_ROWS(), 'c'
!execute page 1 0 ;; SELECT FOUND_ROWS(), 'd'
!close page
SELECT item FROM orders LIMIT 2 ;; VALUES ROW(1), ROW(2), ROW(3) ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'VALUES ROW(1), ROW(2), ROW(3)'
SELECT item FROM orders LIMIT 2 ;; TABLE orders LIMIT 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'TABLE orders LIMIT 1'
SELECT item FROM orders LIMIT 2 ;; (SELECT 1) ;; SELECT FOUND_ROWS(), ROW_COUNT(), '(SELECT 1)'
SELECT item FROM orders LIMIT 2 ;; (SELECT 1 UNION SELECT 2 UNION SELECT 3) ;; SELECT FOUND_ROWS(), ROW_COUNT(), '(SELECT 1 UNION SELECT 2 UNION SELECT 3)'
SELECT item FROM orders LIMIT 2 ;; (SELECT 1) UNION (SELECT 2) UNION SELECT 3 ;; SELECT FOUND_ROWS(), ROW_COUNT(), '(SELECT 1) UNION (SELECT 2) UNION SELECT 3'
SELECT item FROM orders LIMIT 2 ;; WITH c AS (SELECT 1 UNION SELECT 2 UNION SELECT 5) SELECT * FROM c ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'WITH c AS (SELECT 1 UNION SELECT 2 UNION SELECT 5) SELECT * FROM c'
SELECT item FROM orders LIMIT 2 ;; SELECT 1 LIMIT 0 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT 1 LIMIT 0'
SELECT item FROM orders LIMIT 2 ;; SELECT 1 UNION SELECT 2 UNION SELECT 3 LIMIT 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT 1 UNION SELECT 2 UNION SELECT 3 LIMIT 1'
SELECT item FROM orders LIMIT 2 ;; (SELECT 1 UNION SELECT 2 UNION SELECT 3) LIMIT 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), '(SELECT 1 UNION SELECT 2 UNION SELECT 3) LIMIT 1'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders WHERE 0 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders WHERE 0'
SELECT item FROM orders LIMIT 2 ;; (SELECT id FROM orders) ORDER BY 1 LIMIT 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), '(SELECT id FROM orders) ORDER BY 1 LIMIT 1'
SELECT item FROM orders LIMIT 2 ;; SELECT (SELECT COUNT(*) FROM orders) ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT (SELECT COUNT(*) FROM orders)'
SELECT item FROM orders LIMIT 2 ;; SELECT * FROM (SELECT 1 UNION SELECT 2 UNION SELECT 9) AS d ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT * FROM (SELECT 1 UNION SELECT 2 UNION SELECT 9) AS d'
SELECT item FROM orders LIMIT 2 ;; SELECT SQL_NO_CACHE 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT SQL_NO_CACHE 1'
SELECT item FROM orders LIMIT 2 ;; SELECT SQL_CALC_FOUND_ROWS 1 UNION SELECT 2 LIMIT 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT SQL_CALC_FOUND_ROWS 1 UNION SELECT 2 LIMIT 1'
SELECT item FROM orders LIMIT 2 ;; SELECT COUNT(*) FROM orders GROUP BY id ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT COUNT(*) FROM orders GROUP BY id'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders UNION ALL SELECT id FROM orders LIMIT 3 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders UNION ALL SELECT id FROM orders LIMIT 3'
SELECT item FROM orders LIMIT 2 ;; SELECT 1 UNION SELECT 2 LIMIT 1 OFFSET 5 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT 1 UNION SELECT 2 LIMIT 1 OFFSET 5'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders LIMIT 1 OFFSET 2 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders LIMIT 1 OFFSET 2'
SELECT item FROM orders LIMIT 2 ;; SELECT DISTINCT amount > 0 FROM orders LIMIT 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT DISTINCT amount > 0 FROM orders LIMIT 1'
SELECT item FROM orders LIMIT 2 ;; SELECT id INTO @x FROM orders LIMIT 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id INTO @x FROM orders LIMIT 1'
SELECT item FROM orders LIMIT 2 ;; EXPLAIN SELECT 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'EXPLAIN SELECT 1'
SELECT item FROM orders LIMIT 2 ;; DESCRIBE orders ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'DESCRIBE orders'
SELECT item FROM orders LIMIT 2 ;; SHOW COLUMNS FROM orders ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SHOW COLUMNS FROM orders'
SELECT item FROM orders LIMIT 2 ;; SHOW TABLES ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SHOW TABLES'
SELECT item FROM orders LIMIT 2 ;; SHOW DATABASES ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SHOW DATABASES'
SELECT item FROM orders LIMIT 2 ;; SHOW COLLATION LIKE 'utf8mb4_b%' ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SHOW COLLATION LIKE ''utf8mb4_b%'''
SELECT item FROM orders LIMIT 2 ;; SHOW ENGINES ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SHOW ENGINES'
SELECT item FROM orders LIMIT 2 ;; SHOW PLUGINS ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SHOW PLUGINS'
SELECT item FROM orders LIMIT 2 ;; SHOW TRIGGERS ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SHOW TRIGGERS'
SELECT item FROM orders LIMIT 2 ;; SHOW EVENTS ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SHOW EVENTS'
SELECT item FROM orders LIMIT 2 ;; SHOW CHARACTER SET LIKE 'latin1' ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SHOW CHARACTER SET LIKE ''latin1'''
SELECT item FROM orders LIMIT 2 ;; SHOW GRANTS ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SHOW GRANTS'
SELECT item FROM orders LIMIT 2 ;; CHECKSUM TABLE orders ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'CHECKSUM TABLE orders'
SELECT item FROM orders LIMIT 2 ;; HELP 'nothing' ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'HELP ''nothing'''
SELECT item FROM orders LIMIT 2 ;; CALL two() ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'CALL two()'
SELECT item FROM orders LIMIT 2 ;; DO 1, 2 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'DO 1, 2'
SELECT item FROM orders LIMIT 2 ;; HANDLER orders READ FIRST LIMIT 3 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'HANDLER orders READ FIRST LIMIT 3'
SELECT item FROM orders LIMIT 2 ;; SELECT * FROM information_schema.SCHEMATA LIMIT 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT * FROM information_schema.SCHEMATA LIMIT 1'
SELECT item FROM orders LIMIT 2 ;; SELECT * FROM nothing ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT * FROM nothing'
SELECT item FROM orders LIMIT 2 ;; SELECT twice(3) ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT twice(3)'
SELECT item FROM orders LIMIT 2 ;; CHECK TABLE orders ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'CHECK TABLE orders'
SELECT item FROM orders LIMIT 2 ;; PREPARE s FROM 'SELECT 1' ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'PREPARE s FROM ''SELECT 1'''
SELECT item FROM orders LIMIT 2 ;; EXECUTE s ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'EXECUTE s'
SELECT item FROM orders LIMIT 2 ;; DEALLOCATE PREPARE s ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'DEALLOCATE PREPARE s'
SELECT item FROM orders LIMIT 2 ;; SAVEPOINT x ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SAVEPOINT x'
SELECT item FROM orders LIMIT 2 ;; BEGIN ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'BEGIN'
SELECT item FROM orders LIMIT 2 ;; COMMIT ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'COMMIT'
SELECT item FROM orders LIMIT 2 ;; LOCK TABLES orders READ ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'LOCK TABLES orders READ'
SELECT item FROM orders LIMIT 2 ;; UNLOCK TABLES ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'UNLOCK TABLES'
SELECT item FROM orders LIMIT 2 ;; FLUSH TABLES orders ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'FLUSH TABLES orders'
SELECT item FROM orders LIMIT 2 ;; ALTER TABLE blank COMMENT 'x' ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'ALTER TABLE blank COMMENT ''x'''
SELECT item FROM orders LIMIT 2 ;; TRUNCATE TABLE blank ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'TRUNCATE TABLE blank'
SELECT item FROM orders LIMIT 2 ;; SELECT 1 FROM DUAL HAVING 0 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT 1 FROM DUAL HAVING 0'
SELECT item FROM orders LIMIT 2 ;; SELECT MAX(id) FROM orders HAVING 0 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT MAX(id) FROM orders HAVING 0'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders GROUP BY id LIMIT 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders GROUP BY id LIMIT 1'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders ORDER BY amount LIMIT 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders ORDER BY amount LIMIT 1'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders FOR UPDATE ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders FOR UPDATE'
SELECT item FROM orders LIMIT 2 ;; INSERT INTO blank VALUES (1, 'a') ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'INSERT INTO blank VALUES (1, ''a'')'
SELECT item FROM orders LIMIT 2 ;; REPLACE INTO blank VALUES (1, 'b'), (2, 'b') ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'REPLACE INTO blank VALUES (1, ''b''), (2, ''b'')'
SELECT item FROM orders LIMIT 2 ;; DELETE FROM blank WHERE id = 5 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'DELETE FROM blank WHERE id = 5'
SELECT item FROM orders LIMIT 2 ;; DELETE FROM blank ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'DELETE FROM blank'
[mariadb]
SELECT item FROM orders LIMIT 2 ;; VALUES (1), (2), (3) ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'VALUES (1), (2), (3)'
SELECT item FROM orders LIMIT 2 ;; VALUES (1), (2), (3) LIMIT 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'VALUES (1), (2), (3) LIMIT 1'
SELECT item FROM orders LIMIT 2 ;; (VALUES (1), (2)) ;; SELECT FOUND_ROWS(), ROW_COUNT(), '(VALUES (1), (2))'
SELECT item FROM orders LIMIT 2 ;; VALUES (1) UNION VALUES (2) ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'VALUES (1) UNION VALUES (2)'
SELECT item FROM orders LIMIT 2 ;; SELECT * FROM (VALUES (1), (2), (4)) AS v ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT * FROM (VALUES (1), (2), (4)) AS v'
SELECT item FROM orders LIMIT 2 ;; EXECUTE IMMEDIATE 'SELECT 1 UNION SELECT 2 UNION SELECT 3' ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'EXECUTE IMMEDIATE ''SELECT 1 UNION SELECT 2 UNION SELECT 3'''
SELECT item FROM orders LIMIT 2 ;; BEGIN NOT ATOMIC SELECT 1; END ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'BEGIN NOT ATOMIC SELECT 1; END'
SELECT item FROM orders LIMIT 2 ;; INSERT INTO blank VALUES (1, 'a') RETURNING id ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'INSERT INTO blank VALUES (1, ''a'') RETURNING id'
SELECT item FROM orders LIMIT 2 ;; DELETE FROM blank RETURNING id ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'DELETE FROM blank RETURNING id'
SELECT item FROM orders LIMIT 2 ;; SET STATEMENT sql_select_limit = 1 FOR SELECT item FROM orders ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SET STATEMENT sql_select_limit = 1 FOR SELECT item FROM orders'
SELECT item FROM orders LIMIT 2 ;; SHOW ANALYZE FOR 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SHOW ANALYZE FOR 1'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders LIMIT 1 WITH TIES ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders LIMIT 1 WITH TIES'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders ORDER BY amount > 0 FETCH FIRST 1 ROWS WITH TIES ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders ORDER BY amount > 0 FETCH FIRST 1 ROWS WITH TIES'
SELECT item FROM orders LIMIT 2 ;; SELECT 1 EXCEPT SELECT 2 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT 1 EXCEPT SELECT 2'
SELECT item FROM orders LIMIT 2 ;; SELECT 1 INTERSECT SELECT 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT 1 INTERSECT SELECT 1'
SELECT item FROM orders LIMIT 2 ;; SELECT SQL_CALC_FOUND_ROWS 1 EXCEPT SELECT 2 LIMIT 1 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT SQL_CALC_FOUND_ROWS 1 EXCEPT SELECT 2 LIMIT 1'
SELECT item FROM orders LIMIT 2 ;; SELECT id FROM orders LIMIT 2 ROWS EXAMINED 100000 ;; SELECT FOUND_ROWS(), ROW_COUNT(), 'SELECT id FROM orders LIMIT 2 ROWS EXAMINED 100000'
[both]
-- Files and long rows in texts with several statements.
!multi on
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; !infile 10\tten\n11\televen\n SELECT 1; LOAD DATA LOCAL INFILE 'x' INTO TABLE blank; SHOW WARNINGS; SELECT COUNT(*), ROW_COUNT() FROM blank
DELETE FROM blank
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; !infile 10\tten\n10\televen\nx\n SHOW WARNINGS; LOAD DATA LOCAL INFILE 'x' INTO TABLE blank; SHOW WARNINGS; SELECT COUNT(*), FOUND_ROWS() FROM blank
DELETE FROM blank; SELECT ROW_COUNT()
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; !infile 10\tten\n LOAD DATA LOCAL INFILE 'x' INTO TABLE no_such_table; SHOW WARNINGS ;; SHOW WARNINGS
SELECT CAST('a' AS SIGNED), CAST('b' AS SIGNED) ;; SELECT 1 ;; SELECT REPEAT('x', 70000); SHOW WARNINGS; SELECT REPEAT('y', 17000000) IS NULL; SELECT @@warning_count
!multi off
DELETE FROM blank
-- What ran in front of a syntax error has run once.
!multi on
UPDATE orders SET amount = 100 WHERE id = 1 ;; UPDATE orders SET amount = amount + 1 WHERE id = 1; SELECT CONNECTION_ID() x y z ;; SELECT amount FROM orders WHERE id = 1 ;; UPDATE orders SET amount = amount + 1 WHERE id = 1; DO 1; DO 2; SELECT CONNECTION_ID() x y z ;; SELECT amount FROM orders WHERE id = 1
!multi off
