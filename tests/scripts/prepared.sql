-- Prepared statements by name, over several servers.

!prepare p SELECT item FROM orders WHERE id = ?
!execute p {1|2|3|4|NULL|text} ;; SELECT COUNT(*) FROM orders
!execute p 1 ;; INSERT INTO orders (item) VALUES ('after') ;; !execute p 4 ;; !execute p 5
!close p
!execute p 1
!close p
!prepare none SELECT 1
!execute none ;; !execute none ;; !execute none
!prepare many SELECT ?, ?, ?, ?
!execute many {a|b|NULL} {c|NULL} d e
!execute many 1 2 3 4
!prepare w INSERT INTO orders (item, amount) VALUES (?, ?)
!execute w {w1|w2|w3|w4|w5} {1|2} ;; SELECT COUNT(*) FROM orders ;; SELECT LAST_INSERT_ID() > 0
!prepare u UPDATE orders SET amount = amount + ? WHERE item = ?
!execute u 5 {w1|w2|w3|nothing} ;; SELECT amount FROM orders WHERE item = 'w1'
!prepare d DELETE FROM orders WHERE item LIKE ?
!execute d w% ;; SELECT COUNT(*) FROM orders WHERE item LIKE 'w%'

-- The same statement inside and outside of transactions.
!prepare r SELECT COUNT(*) FROM orders WHERE amount >= ?
!execute r {0|1|2} ;; BEGIN ;; !execute r {0|1} ;; INSERT INTO orders (item, amount) VALUES ('inside', 50) ;; !execute r 50 ;; ROLLBACK ;; !execute r 50
START TRANSACTION READ ONLY ;; !execute r {0|50} ;; !execute w no 1 ;; COMMIT ;; !execute r 0
SET autocommit = 0 ;; !execute r 0 ;; COMMIT ;; SET autocommit = 1 ;; !execute r 0

-- Errors.
!prepare bad {SELEC 1|SELECT nothing FROM orders|SELECT * FROM no_such_table|SELECT 1; SELECT 2|INSERT INTO orders (nothing) VALUES (1)|}
!execute bad
!execute r not_a_number ;; SHOW WARNINGS
!execute w after 9 ;; !execute w after 9 ;; SHOW ERRORS ;; DELETE FROM orders WHERE item = 'after'
!prepare e SELECT 1 / ? ;; !execute e 0 ;; SHOW WARNINGS ;; !execute e 2
!clear r
!clear none_such
!fetch none_such 1

-- What a statement looks at may change.
CREATE TABLE changing (id INT, a INT) ;; INSERT INTO changing VALUES (1, 2) ;; !prepare c SELECT * FROM changing ;; !execute c ;; ALTER TABLE changing ADD b VARCHAR(5) DEFAULT 'new' ;; !execute c ;; !execute c ;; ALTER TABLE changing DROP a ;; !execute c ;; DROP TABLE changing ;; !execute c ;; CREATE TABLE changing (x DATE) ;; !execute c ;; DROP TABLE changing
!prepare dbname SELECT DATABASE() ;; !execute dbname ;; USE store ;; !execute dbname ;; USE shop
!prepare rel SELECT COUNT(*) FROM orders ;; USE store ;; !execute rel ;; USE shop ;; !execute rel
SET sql_mode = 'ANSI_QUOTES' ;; !prepare quoted SELECT "item" FROM orders ORDER BY id LIMIT 1 ;; !execute quoted ;; SET sql_mode = DEFAULT ;; !execute quoted
SET time_zone = '+00:00' ;; !prepare tz SELECT FROM_UNIXTIME(?) ;; !execute tz 86400 ;; SET time_zone = '+05:00' ;; !execute tz 86400 ;; SET time_zone = DEFAULT
SET NAMES latin1 ;; !prepare cs SELECT CHARSET('x'), CHARSET(?), ? ;; !execute cs a b ;; SET NAMES utf8mb4 ;; !execute cs a b

-- Statements of all kinds.
!prepare x {SET @p = ?|SELECT @p, ?|DO ?|SELECT ? FROM orders LIMIT 1|SELECT item FROM orders ORDER BY id LIMIT ?|CALL add_one(?, @n)|SELECT twice(?)|SELECT * FROM orders WHERE item IN (?)} ;; !execute x 1 ;; !execute x 2 ;; !execute x NULL ;; !close x
DELETE FROM orders WHERE item IN ('1', '2')
DELETE FROM orders WHERE item IS NULL
!prepare x {SHOW TABLES|SHOW WARNINGS|EXPLAIN SELECT 1|SHOW CREATE TABLE blank|COMMIT|SET time_zone = '+01:00'|SELECT @@time_zone|SET time_zone = DEFAULT|SELECT LAST_INSERT_ID()|SELECT CONNECTION_ID() > 0|CALL two()|SELECT ROW_COUNT()|SELECT FOUND_ROWS()|CREATE TEMPORARY TABLE pt (id INT)|INSERT INTO pt VALUES (1)|SELECT COUNT(*) FROM pt|DROP TABLE pt|ANALYZE TABLE blank|CREATE TABLE made_up (id INT)|DROP TABLE made_up} ;; !execute x ;; !execute x
!prepare x {LOCK TABLES orders READ|UNLOCK TABLES|USE shop|BEGIN|START TRANSACTION|ROLLBACK|HANDLER orders OPEN|PREPARE y FROM 'SELECT 1'|LOAD DATA INFILE 'x' INTO TABLE orders|CREATE PROCEDURE px() SELECT 1|SIGNAL SQLSTATE '45000'|GET DIAGNOSTICS @x = NUMBER|XA START 'p'|XA END 'p'|XA ROLLBACK 'p'} ;; !execute x
UNLOCK TABLES
SHOW WARNINGS
!prepare calls CALL add_one(?, ?) ;; !execute calls out 1 ;; SELECT COUNT(*) FROM orders WHERE item = 'out' ;; DELETE FROM orders WHERE item = 'out'
!prepare fails CALL fail() ;; !execute fails ;; !execute fails
!prepare sums SELECT ? + ?, CONCAT(?, ?) ;; !execute sums 1 2 a b ;; !execute sums 1.5 2 NULL b

-- Long data.
!prepare ld SELECT LENGTH(?), ? ;; !long ld 0 first ;; !long ld 0 second ;; !execute ld x y ;; !execute ld x y ;; SELECT COUNT(*) FROM orders
!long ld 0 dropped ;; !clear ld ;; !execute ld x y
!long ld 0 a ;; !long ld 1 b ;; !execute ld
!prepare ldw INSERT INTO blank VALUES (?, ?) ;; !long ldw 1 text ;; !long ldw 1 , ;; !long ldw 1 more ;; !execute ldw 1 x ;; SELECT note FROM blank ;; DELETE FROM blank ;; !close ldw
!long no_such 0 x
!long ld 7 x
!execute ld a b
!execute ld a b
!long ld 0 never ;; !close ld ;; SELECT COUNT(*) FROM orders

-- Cursors.
!prepare cur SELECT id, item FROM orders ORDER BY id
!cursor cur ;; !fetch cur 1 ;; !fetch cur 1 ;; SELECT COUNT(*) FROM blank ;; !fetch cur 100 ;; !fetch cur 1
!cursor cur ;; !fetch cur 2 ;; !clear cur ;; !fetch cur 1 ;; SELECT COUNT(*) FROM blank
!cursor cur ;; !fetch cur 1 ;; !cursor cur ;; !fetch cur 1
-- MySQL 9.7's reply to an execution without a cursor, once the same statement had one, has no end.
[mariadb]
!execute cur ;; !fetch cur 1
!clear cur ;; !execute cur ;; !fetch cur 1
[both]
!cursor cur ;; INSERT INTO blank VALUES (1, 'x') ;; !fetch cur 1 ;; DELETE FROM blank ;; !fetch cur 1 ;; !close cur ;; SELECT COUNT(*) FROM blank
!prepare cw SELECT item FROM orders WHERE id > ? ORDER BY id ;; !cursor cw 0 ;; !fetch cw 1 ;; BEGIN ;; !fetch cw 1 ;; COMMIT ;; !fetch cw 1 ;; !close cw
!prepare ce SELECT item FROM orders WHERE id > 1000000 ;; !cursor ce ;; !fetch ce 1 ;; !close ce
!prepare cd INSERT INTO blank VALUES (9, 'c') ;; !cursor cd ;; DELETE FROM blank ;; !close cd
!prepare c1 SELECT id FROM orders ORDER BY id ;; !prepare c2 SELECT item FROM orders ORDER BY id DESC ;; !cursor c1 ;; !cursor c2 ;; !fetch c1 1 ;; !fetch c2 1 ;; !fetch c1 1 ;; !fetch c2 2 ;; !clear c1 ;; !fetch c2 1 ;; !close c2 ;; !close c1
START TRANSACTION READ ONLY ;; !prepare cro SELECT id FROM orders ORDER BY id ;; !cursor cro ;; !fetch cro 1 ;; COMMIT ;; !fetch cro 1 ;; !close cro

-- Reset and change of user forget statements.
!prepare gone SELECT 1 ;; !execute gone ;; !reset ;; !execute gone
!prepare gone SELECT 1 ;; !user shop ;; !execute gone

-- The same text many times, and many texts.
!prepare s{0|1|2|3|4|5|6|7|8|9}{0|1|2|3|4|5|6|7} SELECT COUNT(*) FROM orders
!execute s{00|11|22|33|44|55|66|77|97|07}
!prepare t{0|1|2|3|4} SELECT item, {1|2|3|4|5|6|7|8|9} FROM orders WHERE id = ?
!execute t{0|1|2|3|4} 2
!close t0
!execute t0 2
!execute t1 3
@b !prepare t1 SELECT 'of b' ;; @b !execute t1 ;; !execute t1 1

-- Without the types of the parameters, which are those of the last time, wherever that was.
!prepare typed SELECT ?, COUNT(*) FROM orders
!execute typed a ;; !again typed {b|NULL|c} ;; BEGIN ;; !again typed d ;; INSERT INTO blank VALUES (9, 'y') ;; !again typed e ;; ROLLBACK ;; !again typed f
!prepare untyped SELECT ?
!again untyped a

-- Many rows of parameters in one command.
[mariadb]
!prepare bulk INSERT INTO orders (item, amount) VALUES (?, ?)
!bulk bulk b1,1 b2,NULL b3,3 ;; SELECT item, amount FROM orders WHERE item LIKE 'b_' ORDER BY item
!bulk bulk {b1,1|b4,4|b5,DEFAULT b6,6} ;; SHOW WARNINGS ;; SELECT LAST_INSERT_ID() > 0, ROW_COUNT()
!prepare bulkup UPDATE orders SET amount = amount + ? WHERE item = ? ;; !bulk bulkup 1,b1 2,b2 3,none ;; SELECT ROW_COUNT() ;; SELECT SUM(amount) FROM orders WHERE item LIKE 'b_'
BEGIN ;; !bulk bulkup 100,b1 100,b3 ;; SELECT SUM(amount) FROM orders WHERE item LIKE 'b_' ;; ROLLBACK ;; SELECT SUM(amount) FROM orders WHERE item LIKE 'b_'
!prepare bulkdel DELETE FROM orders WHERE item = ? ;; !bulk bulkdel b1 b2 b3 b4 b5 b6 none ;; SELECT COUNT(*) FROM orders WHERE item LIKE 'b_'
!prepare bulkread SELECT item FROM orders WHERE id = ? ;; !bulk bulkread 1 2 ;; !execute bulkread 1
!bulk none_such 1
[both]
