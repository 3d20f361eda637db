-- What a statement leaves behind, and what the statements behind it do to that: some keep it, some end it, some bring
-- their own.

-- Statements without a table.
SELECT CAST('x' AS SIGNED) ;; {SELECT 1|SELECT 1 FROM DUAL|VALUES (1)|SELECT 1 UNION SELECT 2|SELECT twice(1)|DO 1|BEGIN|COMMIT|ROLLBACK|SET @kept = 1|SET NAMES utf8mb4|USE shop|SET autocommit = 1|SELECT EXTRACT(YEAR FROM '2020-01-01'), TRIM('x' FROM 'xax')|SELECT SUBSTRING('abc' FROM 2)|(SELECT 1)|SELECT NOW() > 0|EXPLAIN SELECT 1|SELECT @@sql_mode|SELECT CONNECTION_ID() > 0|SELECT DATABASE()} ;; SHOW WARNINGS ;; SHOW COUNT(*) WARNINGS
COMMIT
-- Statements with one.
SELECT CAST('x' AS SIGNED), CAST('y' AS SIGNED) ;; {SELECT id FROM orders LIMIT 1|SELECT (SELECT COUNT(*) > 0 FROM orders)|SELECT * FROM (SELECT 1 AS one) AS derived|WITH c AS (SELECT 1 AS one) SELECT one FROM c|UPDATE orders SET amount = 1 WHERE id = 1|SET @n = (SELECT COUNT(*) > 0 FROM orders)|DO (SELECT COUNT(*) FROM orders)|SHOW TABLES|SHOW COLUMNS FROM orders|SHOW VARIABLES LIKE 'lower_case_table_names'|SHOW CREATE TABLE orders|EXPLAIN SELECT id FROM orders|INSERT INTO blank VALUES (1, 'a')|DELETE FROM blank|SELECT COUNT(*) FROM cheap WHERE id < 0|LOCK TABLES orders READ|UNLOCK TABLES|TRUNCATE TABLE blank|CHECKSUM TABLE blank} ;; SHOW WARNINGS ;; SELECT @@warning_count, @@error_count
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
-- Statements that were never prepared.
!prepare gone SELECT 1
!close gone
SELECT 1 ;; !execute gone ;; SHOW WARNINGS ;; SHOW COUNT(*) ERRORS ;; SELECT ROW_COUNT() ;; COMMIT ;; SELECT 1 FROM orders LIMIT 1 ;; SHOW WARNINGS
SELECT 1 ;; !fetch gone 1 ;; SHOW ERRORS
SELECT 1 ;; !clear gone ;; SHOW ERRORS
BEGIN ;; SELECT 1 ;; !execute gone ;; SHOW WARNINGS ;; SELECT COUNT(*) > 0 FROM orders ;; COMMIT
[mariadb]
SELECT CAST('x' AS SIGNED) ;; !execute gone ;; SHOW WARNINGS ;; COMMIT ;; SHOW WARNINGS ;; !clear gone ;; SHOW ERRORS ;; SELECT 1 ;; SHOW ERRORS
[both]
SET sql_select_limit = 1 ;; SELECT CAST('x' AS SIGNED), CAST('y' AS SIGNED) ;; COMMIT ;; SHOW WARNINGS ;; SHOW WARNINGS LIMIT 2 ;; SET sql_select_limit = DEFAULT
SET max_join_size = 1, sql_safe_updates = 1 ;; SELECT CAST('x' AS SIGNED), CAST('y' AS SIGNED) ;; COMMIT ;; SHOW WARNINGS ;; SET max_join_size = DEFAULT, sql_safe_updates = DEFAULT
XA START 'w' ;; SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; SHOW WARNINGS ;; XA END 'w' ;; SHOW WARNINGS ;; XA ROLLBACK 'w' ;; SHOW WARNINGS
LOCK TABLES orders READ ;; SELECT CAST('x' AS SIGNED) ;; SELECT 1 ;; SHOW WARNINGS ;; UNLOCK TABLES ;; SHOW WARNINGS
