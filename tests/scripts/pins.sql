-- State that only one connection has, and what asks for the statement before.

!reset
-- User variables.
SET @a = {1|-1|1.5|1e3|'text'|NULL|TRUE|0x41|b'101'|"double"} ;; SELECT @a ;; SELECT @a IS NULL, COLLATION(@a), COERCIBILITY(@a) ;; SELECT item FROM orders WHERE id = @a
SET @a = 1, @b = 'two', @c := 3.0 ;; SELECT @a, @b, @c ;; SELECT @a + @c, CONCAT(@b, @a)
SET @a = @a + 1 ;; SELECT @a ;; SET @b = @a * 2 ;; SELECT @b
SET @a = (SELECT MAX(id) FROM orders) ;; SELECT @a
SELECT @row := 0 ;; SELECT @row := @row + 1, item FROM orders ORDER BY id ;; SELECT @row
SELECT id, item INTO @i, @t FROM orders WHERE id = 2 ;; SELECT @i, @t
SELECT COUNT(*) FROM orders INTO @n ;; SELECT @n
SET @x = 'ü' ;; SELECT @x, LENGTH(@x), CHARSET(@x)
SET @x = _latin1'abc' ;; SELECT CHARSET(@x)
SET @x = 'abc' COLLATE utf8mb4_bin ;; SELECT COLLATION(@x), @x = 'ABC'
SELECT @never_set, @`quoted name`, @'text name'
SET @`quoted name` = 'q', @'text name' = 't' ;; SELECT @`quoted name`, @'text name', @QUOTED
SET @A = 'upper' ;; SELECT @a
SET @Mixed = 1 ;; SELECT @mixed, @MIXED
CALL remember() ;; SELECT @remembered
CALL add_one('variable', @there) ;; SELECT @there > 0 ;; DELETE FROM orders WHERE item = 'variable'
@b SELECT @a, @b, @row, @remembered
SET NAMES latin1 ;; SET @l = 'abc' ;; SELECT CHARSET(@l) ;; SET NAMES utf8mb4 ;; SELECT CHARSET(@l), @l
!reset
SELECT @a, @b, @row, @remembered, @l
UPDATE orders SET amount = (@seen := amount) WHERE id = 1 ;; SELECT @seen
SET @q = 'q' ;; BEGIN ;; SELECT @q ;; SET @q = 'r' ;; ROLLBACK ;; SELECT @q
SET @d = '2020-01-01' ;; SELECT DATE_ADD(@d, INTERVAL 1 DAY)
SET @long = REPEAT('x', 1000) ;; SELECT LENGTH(@long)
SET @v = {1|2|3|4|5} ;; SELECT @v ;; SELECT COUNT(*) FROM orders WHERE id <= @v

!reset
-- Temporary tables.
CREATE TEMPORARY TABLE tmp (id INT) ;; INSERT INTO tmp VALUES (1), (2) ;; SELECT COUNT(*) FROM tmp ;; SELECT COUNT(*) FROM orders ;; @b SELECT COUNT(*) FROM tmp ;; DROP TEMPORARY TABLE tmp ;; SELECT COUNT(*) FROM tmp ;; SELECT COUNT(*) FROM orders
CREATE TEMPORARY TABLE orders (id INT) ;; SELECT COUNT(*) FROM orders ;; SHOW CREATE TABLE orders ;; DROP TABLE orders ;; SELECT COUNT(*) > 1 FROM orders
CREATE TEMPORARY TABLE t1 SELECT * FROM orders ;; CREATE TEMPORARY TABLE t2 LIKE orders ;; SELECT COUNT(*) FROM t1 ;; DROP TABLE t1, t2 ;; SELECT COUNT(*) FROM t1
CREATE TEMPORARY TABLE IF NOT EXISTS store.t3 (id INT) ;; SELECT COUNT(*) FROM store.t3 ;; DROP TEMPORARY TABLE IF EXISTS store.t3, nothing ;; SHOW WARNINGS ;; SELECT COUNT(*) FROM store.t3
CREATE TEMPORARY TABLE t4 (id INT) ;; ALTER TABLE t4 RENAME TO t5 ;; SELECT COUNT(*) FROM t5 ;; DROP TABLE t5 ;; SELECT COUNT(*) FROM t5
CALL temporary() ;; SELECT COUNT(*) FROM made ;; DROP TABLE made ;; SELECT COUNT(*) FROM made
CREATE TEMPORARY TABLE gone (id INT) ;; !reset ;; SELECT COUNT(*) FROM gone
CREATE TEMPORARY TABLE again (id INT) ;; CREATE TEMPORARY TABLE again (id INT) ;; DROP TABLE again ;; DROP TABLE again

!reset
-- Table locks.
LOCK TABLES orders READ ;; SELECT COUNT(*) FROM orders ;; SELECT COUNT(*) FROM blank ;; INSERT INTO orders (item) VALUES ('locked') ;; UNLOCK TABLES ;; SELECT COUNT(*) FROM blank
LOCK TABLES orders WRITE, blank AS e READ ;; INSERT INTO orders (item) VALUES ('locked') ;; SELECT COUNT(*) FROM blank AS e ;; UNLOCK TABLES ;; SELECT item FROM orders WHERE item = 'locked' ;; DELETE FROM orders WHERE item = 'locked'
LOCK TABLES orders WRITE ;; BEGIN ;; SELECT COUNT(*) FROM blank ;; COMMIT ;; SELECT COUNT(*) FROM blank
LOCK TABLES no_such READ ;; UNLOCK TABLES
FLUSH TABLES WITH READ LOCK ;; SELECT COUNT(*) FROM orders ;; INSERT INTO orders (item) VALUES ('x') ;; UNLOCK TABLES ;; SELECT COUNT(*) FROM orders
FLUSH TABLES orders WITH READ LOCK ;; SELECT COUNT(*) FROM orders ;; UNLOCK TABLES
FLUSH TABLES orders FOR EXPORT ;; UNLOCK TABLES
[mysql]
LOCK INSTANCE FOR BACKUP ;; SELECT COUNT(*) FROM orders ;; UNLOCK INSTANCE ;; SELECT COUNT(*) FROM orders
[mariadb]
BACKUP LOCK shop.orders ;; SELECT COUNT(*) FROM orders ;; BACKUP UNLOCK ;; SELECT COUNT(*) FROM orders
BACKUP STAGE START ;; SELECT COUNT(*) FROM orders ;; BACKUP STAGE END ;; SELECT COUNT(*) FROM orders
[both]
UNLOCK TABLES

!reset
-- User locks.
SELECT GET_LOCK('one', 1) ;; SELECT IS_FREE_LOCK('one'), IS_USED_LOCK('one') = CONNECTION_ID() ;; @b SELECT GET_LOCK('one', 0) ;; @b SELECT IS_FREE_LOCK('one') ;; SELECT COUNT(*) FROM orders ;; SELECT RELEASE_LOCK('one') ;; @b SELECT GET_LOCK('one', 0) ;; @b SELECT RELEASE_LOCK('one')
SELECT GET_LOCK('two', 0), GET_LOCK('three', 0) ;; SELECT RELEASE_LOCK('two') ;; SELECT IS_FREE_LOCK('three'), IS_FREE_LOCK('two') ;; SELECT RELEASE_LOCK('three'), RELEASE_LOCK('four')
SELECT GET_LOCK('deep', 0) ;; SELECT GET_LOCK('deep', 0) ;; SELECT RELEASE_LOCK('deep') ;; SELECT IS_FREE_LOCK('deep') ;; SELECT RELEASE_LOCK('deep') ;; SELECT IS_FREE_LOCK('deep')
SELECT GET_LOCK('five', 0) ;; SELECT RELEASE_ALL_LOCKS() ;; SELECT RELEASE_ALL_LOCKS()
DO GET_LOCK('six', 0) ;; SELECT IS_FREE_LOCK('six') ;; DO RELEASE_LOCK('six') ;; SELECT IS_FREE_LOCK('six')
SELECT GET_LOCK(CONCAT('sev', 'en'), 0) ;; SELECT IS_FREE_LOCK('seven') ;; SELECT RELEASE_LOCK('seven') ;; SELECT IS_FREE_LOCK('seven')
SELECT GET_LOCK('eight', 0) ;; !reset ;; SELECT IS_FREE_LOCK('eight')
SELECT GET_LOCK(NULL, 0) ;; SELECT GET_LOCK('', 0)
@b SELECT GET_LOCK('held', 0) ;; SELECT GET_LOCK('held', 0) ;; SELECT item FROM orders LIMIT 1 ;; @b SELECT RELEASE_ALL_LOCKS()

!reset
-- HANDLER.
HANDLER orders OPEN ;; HANDLER orders READ FIRST ;; SELECT COUNT(*) FROM blank ;; HANDLER orders READ NEXT ;; HANDLER orders READ `PRIMARY` = (2) ;; HANDLER orders CLOSE ;; HANDLER orders READ FIRST ;; SELECT COUNT(*) FROM blank
HANDLER orders OPEN AS h ;; HANDLER h READ `PRIMARY` LAST ;; HANDLER blank OPEN ;; HANDLER blank READ FIRST ;; HANDLER h CLOSE ;; HANDLER blank CLOSE ;; HANDLER h CLOSE
HANDLER no_such OPEN

!reset
-- PREPARE as text.
PREPARE s FROM 'SELECT item FROM orders WHERE id = ?' ;; SET @id = 2 ;; EXECUTE s USING @id ;; SELECT COUNT(*) FROM blank ;; EXECUTE s USING @id ;; DEALLOCATE PREPARE s ;; EXECUTE s USING @id ;; SELECT COUNT(*) FROM blank
PREPARE s FROM 'SELECT 1' ;; PREPARE s FROM 'SELECT 2' ;; EXECUTE s ;; PREPARE s FROM 'SELEC 3' ;; EXECUTE s ;; DROP PREPARE s
SET @sql = 'INSERT INTO orders (item) VALUES (?)' ;; PREPARE i FROM @sql ;; SET @what = 'prepared' ;; EXECUTE i USING @what ;; EXECUTE i USING @what ;; DROP PREPARE i ;; DELETE FROM orders WHERE item = 'prepared'
PREPARE a FROM 'SELECT 1' ;; PREPARE b FROM 'SELECT 2' ;; DEALLOCATE PREPARE a ;; EXECUTE b ;; EXECUTE a ;; DEALLOCATE PREPARE b ;; EXECUTE b ;; DEALLOCATE PREPARE none
[mariadb]
EXECUTE IMMEDIATE 'SELECT 5' ;; EXECUTE IMMEDIATE 'SELECT ?' USING 6
EXECUTE IMMEDIATE 'CREATE TEMPORARY TABLE hidden (id INT)' ;; SELECT COUNT(*) FROM hidden ;; DROP TABLE hidden
[both]

!reset
-- XA.
XA START 'x1' ;; INSERT INTO orders (item) VALUES ('xa') ;; SELECT COUNT(*) FROM orders WHERE item = 'xa' ;; XA END 'x1' ;; XA PREPARE 'x1' ;; XA COMMIT 'x1' ;; SELECT COUNT(*) FROM orders WHERE item = 'xa'
XA START 'x2' ;; DELETE FROM orders WHERE item = 'xa' ;; XA END 'x2' ;; XA ROLLBACK 'x2' ;; SELECT COUNT(*) FROM orders WHERE item = 'xa'
XA START 'x3' ;; DELETE FROM orders WHERE item = 'xa' ;; XA END 'x3' ;; XA COMMIT 'x3' ONE PHASE ;; SELECT COUNT(*) FROM orders WHERE item = 'xa'
XA COMMIT 'never'
XA RECOVER
-- What a session has prepared is everybody's once it is gone; what it has not prepared is rolled back.
@b XA START 'c1' ;; @b INSERT INTO blank VALUES (71, 'c') ;; @b XA END 'c1' ;; @b XA PREPARE 'c1' ;; @b !reconnect ;; DO SLEEP(0.3) ;; XA RECOVER ;; XA COMMIT 'c1' ;; XA COMMIT 'c1' ;; SELECT COUNT(*) FROM blank WHERE id = 71 ;; XA RECOVER ;; DELETE FROM blank WHERE id = 71
@b XA START 'c2' ;; @b INSERT INTO blank VALUES (72, 'c') ;; @b XA END 'c2' ;; @b XA PREPARE 'c2' ;; @b !reconnect ;; DO SLEEP(0.3) ;; XA ROLLBACK 'c2' ;; XA ROLLBACK 'c2' ;; SELECT COUNT(*) FROM blank WHERE id = 72 ;; INSERT INTO blank VALUES (72, 'd') ;; DELETE FROM blank WHERE id = 72
@b XA START 'c3' ;; @b INSERT INTO blank VALUES (73, 'c') ;; @b XA END 'c3' ;; @b !reconnect ;; DO SLEEP(0.3) ;; XA RECOVER ;; XA COMMIT 'c3' ;; XA PREPARE 'c3' ;; SELECT COUNT(*) FROM blank WHERE id = 73 ;; INSERT INTO blank VALUES (73, 'd') ;; DELETE FROM blank WHERE id = 73
-- A MySQL that refuses this tells its replicas that it was done, and they stop.
[mariadb]
@b XA START 'c4' ;; @b INSERT INTO blank VALUES (74, 'c') ;; @b XA END 'c4' ;; @b XA PREPARE 'c4' ;; @b !reconnect ;; DO SLEEP(0.3) ;; XA COMMIT 'c4' ONE PHASE ;; XA ROLLBACK 'c4' ;; SELECT COUNT(*) FROM blank WHERE id = 74
[both]
-- What others and the session itself may do meanwhile.
[mariadb]
@b XA START 'd1' ;; XA COMMIT 'd1' ;; XA ROLLBACK 'd1' ;; XA START 'd1' ;; XA END 'd1' ;; XA PREPARE 'd1' ;; @b XA START 'd2' ;; @b XA END 'd1' ;; @b INSERT INTO blank VALUES (76, 'c') ;; @b XA COMMIT 'd1' ;; @b XA END 'd2' ;; @b XA ROLLBACK 'd1' ;; @b XA ROLLBACK 'd2' ;; @b XA RECOVER ;; XA ROLLBACK 'd1' ;; @b SELECT COUNT(*) FROM blank WHERE id = 76 ;; XA RECOVER
[both]
XA START 'd3' ;; INSERT INTO blank VALUES (77, 'c') ;; XA END 'd3' ;; XA PREPARE 'd3' ;; SELECT 1 ;; SELECT COUNT(*) FROM blank WHERE id = 77 ;; INSERT INTO blank VALUES (78, 'c') ;; BEGIN ;; ROLLBACK ;; XA START 'd4' ;; XA END 'd4' ;; XA ROLLBACK 'd4' ;; XA COMMIT 'never' ;; XA RECOVER ;; XA COMMIT 'd3' ;; XA COMMIT 'd3' ;; SELECT COUNT(*) FROM blank WHERE id IN (77, 78) ;; DELETE FROM blank WHERE id IN (77, 78)
XA START 'd5' ;; XA END 'd5' ;; XA PREPARE 'd5' ;; XA COMMIT 'd5' ONE PHASE ;; XA ROLLBACK 'd5' ;; SELECT COUNT(*) FROM blank
BEGIN ;; XA START 'd6' ;; COMMIT ;; XA START ;; XA START 'd7' RESUME ;; XA END 'd7' SUSPEND ;; SELECT COUNT(*) FROM blank

!reset
-- One-shot transaction characteristics.
SET TRANSACTION ISOLATION LEVEL READ COMMITTED ;; SELECT COUNT(*) FROM orders ;; BEGIN ;; SELECT COUNT(*) FROM orders ;; COMMIT
SET TRANSACTION READ ONLY ;; BEGIN ;; INSERT INTO orders (item) VALUES ('no') ;; COMMIT ;; INSERT INTO orders (item) VALUES ('oneshot') ;; DELETE FROM orders WHERE item = 'oneshot'
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY ;; START TRANSACTION ;; SELECT COUNT(*) FROM orders ;; ROLLBACK ;; INSERT INTO orders (item) VALUES ('oneshot') ;; DELETE FROM orders WHERE item = 'oneshot'
BEGIN ;; SET TRANSACTION READ ONLY ;; ROLLBACK
SET TRANSACTION READ WRITE ;; START TRANSACTION READ ONLY ;; INSERT INTO orders (item) VALUES ('no') ;; COMMIT

!reset
-- Transactions.
BEGIN ;; INSERT INTO orders (item) VALUES ('tx') ;; SELECT COUNT(*) FROM orders WHERE item = 'tx' ;; SAVEPOINT s1 ;; DELETE FROM orders WHERE item = 'tx' ;; ROLLBACK TO s1 ;; SELECT COUNT(*) FROM orders WHERE item = 'tx' ;; {COMMIT|ROLLBACK} ;; SELECT COUNT(*) FROM orders WHERE item = 'tx' ;; DELETE FROM orders WHERE item = 'tx'
START TRANSACTION READ ONLY ;; SELECT COUNT(*) FROM orders ;; SET @in = 1 ;; SELECT @in ;; INSERT INTO orders (item) VALUES ('no') ;; SELECT COUNT(*) FROM orders ;; COMMIT ;; SELECT @in
START TRANSACTION READ ONLY ;; SELECT id INTO @got FROM orders LIMIT 1 ;; SELECT @got ;; CALL two() ;; SELECT twice(4) ;; COMMIT
START TRANSACTION READ ONLY ;; CREATE TEMPORARY TABLE ro (id INT) ;; SELECT COUNT(*) FROM orders ;; COMMIT ;; DROP TABLE IF EXISTS ro
START TRANSACTION READ ONLY ;; SELECT GET_LOCK('ro', 0) ;; SELECT COUNT(*) FROM orders ;; COMMIT ;; SELECT RELEASE_LOCK('ro')
START TRANSACTION READ ONLY ;; SELECT * FROM orders WHERE id = 1 FOR UPDATE ;; COMMIT
START TRANSACTION READ ONLY ;; DO 1 ;; SHOW TABLES ;; EXPLAIN SELECT 1 ;; SELECT LAST_INSERT_ID() ;; SELECT bump() ;; ROLLBACK
START TRANSACTION WITH CONSISTENT SNAPSHOT ;; SELECT COUNT(*) FROM orders ;; COMMIT
START TRANSACTION READ ONLY, WITH CONSISTENT SNAPSHOT ;; SELECT COUNT(*) FROM orders ;; COMMIT AND CHAIN ;; SELECT COUNT(*) FROM orders ;; COMMIT
BEGIN ;; CREATE TABLE implicit (id INT) ;; ROLLBACK ;; DROP TABLE implicit
COMMIT AND CHAIN ;; SELECT COUNT(*) FROM orders ;; ROLLBACK
BEGIN ;; SELECT nothing FROM orders ;; INSERT INTO orders (item) VALUES ('still') ;; ROLLBACK ;; SELECT COUNT(*) FROM orders WHERE item = 'still'

!reset
-- Counts of the statement before.
SELECT SQL_CALC_FOUND_ROWS item FROM orders ORDER BY id LIMIT 1 ;; SELECT FOUND_ROWS() ;; SELECT FOUND_ROWS()
SELECT item FROM orders ORDER BY id LIMIT 2 ;; SELECT FOUND_ROWS()
SELECT item FROM orders WHERE 0 ;; SELECT FOUND_ROWS() AS found
UPDATE orders SET amount = amount + 1 ;; SELECT ROW_COUNT() ;; SELECT ROW_COUNT()
UPDATE orders SET amount = amount WHERE id = 1 ;; SELECT ROW_COUNT() AS changed
DELETE FROM orders WHERE id > 900000 ;; SELECT ROW_COUNT()
INSERT INTO blank VALUES (1, 'a'), (2, 'b') ;; SELECT ROW_COUNT() ;; DELETE FROM blank ;; SELECT ROW_COUNT(), FOUND_ROWS()
SELECT item FROM orders LIMIT 1 ;; SELECT ROW_COUNT()
SET @z = 1 ;; SELECT ROW_COUNT()
CREATE TABLE counted (id INT) ;; SELECT ROW_COUNT() ;; DROP TABLE counted ;; SELECT ROW_COUNT()
SELECT nothing ;; SELECT ROW_COUNT()
INSERT INTO blank SELECT ROW_COUNT(), 'x' ;; SELECT ROW_COUNT() + 1 AS next ;; DELETE FROM blank
INSERT INTO orders (item) VALUES ('id') ;; SELECT LAST_INSERT_ID() = (SELECT MAX(id) FROM orders) ;; SELECT @@last_insert_id = LAST_INSERT_ID(), @@identity = LAST_INSERT_ID() ;; DELETE FROM orders WHERE id = LAST_INSERT_ID() ;; SELECT ROW_COUNT()
SELECT LAST_INSERT_ID(77) ;; SELECT LAST_INSERT_ID() ;; SELECT COUNT(*) FROM orders ;; SELECT LAST_INSERT_ID()
UPDATE orders SET amount = LAST_INSERT_ID(amount + 1) WHERE id = 1 ;; SELECT LAST_INSERT_ID() > 0

-- Warnings and diagnostics.
SELECT 1 / 0 ;; SHOW WARNINGS ;; SHOW COUNT(*) WARNINGS ;; SELECT @@warning_count, @@error_count ;; SHOW WARNINGS
SELECT CAST('12x' AS SIGNED), CAST('y' AS SIGNED) ;; SHOW WARNINGS LIMIT 1 ;; SHOW WARNINGS LIMIT 1, 1 ;; SHOW ERRORS ;; SELECT COUNT(*) FROM orders ;; SHOW WARNINGS
SELECT nothing FROM orders ;; SHOW WARNINGS ;; SHOW ERRORS ;; SHOW COUNT(*) ERRORS ;; SELECT @@error_count
INSERT INTO orders (item) VALUES ('apple') ;; SHOW ERRORS ;; GET DIAGNOSTICS CONDITION 1 @state = RETURNED_SQLSTATE, @text = MESSAGE_TEXT ;; SELECT @state, @text
DROP TABLE IF EXISTS never_there ;; GET DIAGNOSTICS @count = NUMBER, @rows = ROW_COUNT ;; SELECT @count, @rows
UPDATE orders SET amount = 0 WHERE id = 2 ;; GET DIAGNOSTICS @rows = ROW_COUNT ;; SELECT @rows ;; UPDATE orders SET amount = 2 WHERE id = 2
SELECT COUNT(*) FROM orders ;; GET DIAGNOSTICS @count = NUMBER ;; SELECT @count
CALL warn() ;; SHOW WARNINGS ;; CALL fail() ;; SHOW WARNINGS ;; SHOW ERRORS
SELECT item FROM orders LIMIT 1 ;; SHOW WARNINGS ;; SELECT @@warning_count
!ping
SHOW WARNINGS
SELECT 1 / 0 ;; !ping ;; SHOW WARNINGS
SELECT 1 / 0 ;; !init shop ;; SHOW WARNINGS
SELECT 1 / 0 ;; !reset ;; SHOW WARNINGS
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'own' ;; SHOW ERRORS
SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'own warning' ;; SHOW WARNINGS
SELECT 1 / 0 UNION SELECT 2 ;; SHOW WARNINGS
SET sql_mode = '' ;; INSERT INTO blank VALUES ('1x', 'y') ;; SHOW WARNINGS ;; DELETE FROM blank ;; SET sql_mode = DEFAULT
EXPLAIN SELECT * FROM orders WHERE id = 1 ;; SHOW WARNINGS

!reset
-- Variables that are no state.
SET timestamp = 1234567890 ;; SELECT UNIX_TIMESTAMP(), NOW() = FROM_UNIXTIME(1234567890) ;; SELECT COUNT(*) FROM orders ;; SET timestamp = DEFAULT ;; SELECT UNIX_TIMESTAMP() > 1234567890
SET insert_id = 5000 ;; INSERT INTO orders (item) VALUES ('five thousand') ;; SELECT id FROM orders WHERE item = 'five thousand' ;; DELETE FROM orders WHERE id = 5000
SET rand_seed1 = 1, rand_seed2 = 2 ;; SELECT RAND() < 1 ;; SELECT COUNT(*) FROM orders
SET sql_log_bin = 1
[mariadb]
!reset
-- Sequences.
SELECT NEXTVAL(numbers) ;; SELECT LASTVAL(numbers) ;; SELECT COUNT(*) FROM orders ;; SELECT LASTVAL(numbers) ;; SELECT NEXT VALUE FOR numbers ;; SELECT PREVIOUS VALUE FOR numbers ;; @b SELECT LASTVAL(numbers) ;; SELECT SETVAL(numbers, 100)
BEGIN NOT ATOMIC SELECT 1; SELECT 2; END
SELECT @@last_gtid = @@last_gtid
INSERT INTO blank VALUES (5, 'g') ;; SELECT @@last_gtid <> '' ;; DELETE FROM blank
INSERT INTO blank VALUES (6, 'r') RETURNING id, note ;; DELETE FROM blank RETURNING id
!reconnect
SELECT ROW_COUNT(), LAST_INSERT_ID()
!reconnect
GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT ;; SELECT @n, @r
UPDATE orders SET amount = amount + 1 WHERE id < 3 ;; GET DIAGNOSTICS @r = ROW_COUNT ;; SELECT @r
CALL add_one('from a procedure', @n) ;; SELECT LAST_INSERT_ID() = (SELECT MAX(id) FROM orders), ROW_COUNT() ;; DELETE FROM orders WHERE item = 'from a procedure'
CALL two() ;; SELECT ROW_COUNT(), FOUND_ROWS()
SHOW TABLES ;; SELECT FOUND_ROWS(), ROW_COUNT()
SELECT item FROM orders ORDER BY id LIMIT 2 ;; UPDATE orders SET amount = 5 WHERE id = 1 ;; SELECT FOUND_ROWS(), ROW_COUNT()
SELECT item FROM orders ORDER BY id LIMIT 2 ;; !ping ;; SELECT FOUND_ROWS(), ROW_COUNT()
SELECT item FROM orders ORDER BY id LIMIT 2 ;; !init shop ;; SELECT FOUND_ROWS(), ROW_COUNT()
SELECT item FROM orders ORDER BY id LIMIT 2 ;; SELEC 1 ;; SELECT FOUND_ROWS(), ROW_COUNT()
BEGIN ;; UPDATE orders SET amount = 6 WHERE id = 1 ;; SELECT ROW_COUNT() ;; COMMIT ;; SELECT ROW_COUNT()
SELECT 1 UNION SELECT 2 LIMIT 1 ;; SELECT FOUND_ROWS()
SELECT item FROM orders UNION SELECT 'x' ORDER BY 1 LIMIT 2 ;; INSERT INTO blank VALUES (7, FOUND_ROWS()) ;; SELECT note > 1 FROM blank ;; SELECT FOUND_ROWS() ;; DELETE FROM blank
SELECT SQL_CALC_FOUND_ROWS item FROM orders LIMIT 1 ;; UPDATE orders SET amount = 7 WHERE id = 1 ;; SELECT FOUND_ROWS(), ROW_COUNT()
SELECT SQL_CALC_FOUND_ROWS item FROM orders LIMIT 1 ;; SHOW WARNINGS ;; SELECT FOUND_ROWS()
SELECT item FROM orders ;; {SHOW ERRORS|SHOW COUNT(*) WARNINGS|CHECK TABLE orders|SHOW CREATE TABLE orders|SHOW GRANTS|SHOW COLUMNS FROM orders|XA RECOVER|SELECT id INTO @one FROM orders WHERE id = 1|SELECT id INTO @one FROM orders WHERE 0|DO 1|DESCRIBE orders|ANALYZE TABLE orders} ;; SELECT FOUND_ROWS() < 4
SELECT item FROM orders LIMIT 1 ;; !ping ;; SHOW WARNINGS ;; !ping ;; SELECT @@warning_count ;; !ping ;; SHOW WARNINGS ;; !ping ;; SELECT 1 ;; !ping ;; SHOW ERRORS ;; !ping ;; !init shop
!reset
-- What is left behind by a session that goes
SET lock_wait_timeout = 20, innodb_lock_wait_timeout = 20
@b FLUSH TABLES WITH READ LOCK ;; @b !reconnect ;; @b SELECT 1 ;; INSERT INTO blank VALUES (1, 'x') ;; DELETE FROM blank
@b LOCK TABLES orders WRITE ;; @b !reconnect ;; @b SELECT 1 ;; SELECT COUNT(*) FROM orders
@b SELECT GET_LOCK('left', 0) ;; @b !reconnect ;; @b SELECT 1 ;; SELECT GET_LOCK('left', 9), RELEASE_LOCK('left')
@b BEGIN ;; @b UPDATE orders SET amount = 5 WHERE id = 1 ;; @b !reconnect ;; @b SELECT 1 ;; UPDATE orders SET amount = 1 WHERE id = 1
@b FLUSH TABLES orders FOR EXPORT ;; @b !reconnect ;; @b SELECT 1 ;; INSERT INTO orders (item) VALUES ('e') ;; DELETE FROM orders WHERE item = 'e'
@b HANDLER orders OPEN ;; @b !reconnect ;; @b HANDLER orders READ FIRST ;; ALTER TABLE orders COMMENT 'x'
@b XA START 'left' ;; @b INSERT INTO blank VALUES (2, 'y') ;; @b !reconnect ;; @b SELECT COUNT(*) FROM blank ;; XA RECOVER ;; INSERT INTO blank VALUES (2, 'y') ;; DELETE FROM blank
[mysql]
@b LOCK INSTANCE FOR BACKUP ;; @b !reconnect ;; @b SELECT 1 ;; CREATE TABLE zz (id INT) ;; DROP TABLE zz
@b LOCK INSTANCE FOR BACKUP ;; @b !reset ;; @b SELECT 1 ;; CREATE TABLE zz (id INT) ;; DROP TABLE zz
[mariadb]
@b BACKUP STAGE START ;; @b BACKUP STAGE BLOCK_DDL ;; @b !reconnect ;; @b SELECT 1 ;; CREATE TABLE zz (id INT) ;; DROP TABLE zz
@b BACKUP LOCK shop.orders ;; @b !reconnect ;; @b SELECT 1 ;; ALTER TABLE orders COMMENT 'y'
@b BACKUP LOCK shop.orders ;; @b !reset ;; @b SELECT 1 ;; ALTER TABLE orders COMMENT 'z'
@b BACKUP STAGE START ;; @b BACKUP STAGE BLOCK_DDL ;; @b !reset ;; @b SELECT 1 ;; CREATE TABLE zz (id INT) ;; DROP TABLE zz ;; @b BACKUP STAGE END
[both]
SET lock_wait_timeout = DEFAULT, innodb_lock_wait_timeout = DEFAULT
