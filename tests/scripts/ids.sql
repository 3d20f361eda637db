-- Connection ids, KILL, the process list, and what a session may see of others.

SELECT CONNECTION_ID()
SELECT CONNECTION_ID() = CONNECTION_ID(), CONNECTION_ID() + 0 AS id, connection_id() AS {x|`y z`|'q'}
SELECT CONNECTION_ID(), item FROM orders ORDER BY id
SELECT item FROM orders WHERE id = CONNECTION_ID() * 0 + {1|2|3}
SELECT @@pseudo_thread_id = CONNECTION_ID()
SELECT IF(CONNECTION_ID() > 0, 'yes', 'no')
SELECT CONCAT('id: ', CONNECTION_ID()) ;; SELECT COUNT(*) FROM orders ;; SELECT CONCAT('id: ', CONNECTION_ID())
BEGIN ;; SELECT CONNECTION_ID() ;; COMMIT ;; SELECT CONNECTION_ID()
SET @id = CONNECTION_ID() ;; SELECT @id = CONNECTION_ID() ;; SELECT @id
INSERT INTO blank VALUES (1, CONNECTION_ID()) ;; SELECT note = CONNECTION_ID() FROM blank ;; DELETE FROM blank
INSERT INTO blank SELECT 1, CONNECTION_ID() ;; SELECT note = CONNECTION_ID(), note FROM blank ;; UPDATE blank SET note = CONNECTION_ID() + 1 ;; SELECT note - 1 = CONNECTION_ID() FROM blank ;; DELETE FROM blank WHERE note = CONNECTION_ID() + 1
@b SELECT CONNECTION_ID() ;; SELECT CONNECTION_ID()
SELECT CONNECTION_ID ( )
SELECT {connection_id()|Connection_Id()|CONNECTION_ID()} ;; SELECT {connection_id()|CONNECTION_ID()} AS id
SELECT 'CONNECTION_ID()', "connection_id()", `item` FROM orders LIMIT 1
SELECT GET_LOCK('mine', 0) ;; SELECT IS_USED_LOCK('mine') = CONNECTION_ID() ;; @b SELECT IS_USED_LOCK('mine') = CONNECTION_ID() ;; SELECT RELEASE_LOCK('mine')
SELECT id = CONNECTION_ID() FROM information_schema.processlist WHERE id = CONNECTION_ID()
SELECT user, db, command FROM information_schema.processlist WHERE id = CONNECTION_ID()

KILL QUERY 999999999 ;; KILL 999999999 ;; KILL CONNECTION 999999999 ;; KILL 0 ;; KILL QUERY 0
KILL 'text' ;; KILL ;; KILL QUERY ;; KILL -1 ;; KILL 1.5 ;; KILL NULL
KILL QUERY CONNECTION_ID()
SELECT COUNT(*) FROM orders
KILL QUERY (SELECT 999999999)
KILL 999999998 + 1
@c SELECT 1 ;; @c KILL CONNECTION_ID() ;; @c SELECT 2 ;; @c SELECT 3
SELECT item FROM orders WHERE id = {1|2|3} ;; SELECT {1|2|3|4|5|6|7|8} + CONNECTION_ID() * 0 ;; SELECT CONNECTION_ID() - CONNECTION_ID() + {1|2|3|4|5} AS n
SELECT CONNECTION_ID() IN (0, CONNECTION_ID()), CONNECTION_ID() BETWEEN 0 AND CONNECTION_ID(), -CONNECTION_ID() < 0, NOT CONNECTION_ID()
SELECT (SELECT CONNECTION_ID()) = CONNECTION_ID(), EXISTS (SELECT CONNECTION_ID())
SELECT t.c FROM (SELECT CONNECTION_ID() AS c) t
SELECT MAX(CONNECTION_ID()), COUNT(*) FROM orders GROUP BY CONNECTION_ID()
SELECT item FROM orders ORDER BY CONNECTION_ID(), id
SELECT CONNECTION_ID() UNION SELECT CONNECTION_ID()
WITH c AS (SELECT CONNECTION_ID() AS i) SELECT i = CONNECTION_ID() FROM c
SELECT CONNECTION_ID() /* comment */ , 1 -- CONNECTION_ID()
SELECT CONNECTION_ID(1)
SELECT CONNECTION_ID
SELECT connection_id() AS 'a', connection_id() b, connection_id() `c`, connection_id() - connection_id() + 1
SELECT DISTINCT CONNECTION_ID() FROM orders
SELECT ALL CONNECTION_ID()
SELECT SQL_NO_CACHE CONNECTION_ID()
SELECT CONNECTION_ID() INTO @cid ;; SELECT @cid = CONNECTION_ID()
SELECT USER() LIKE 'app@%', CURRENT_USER(), SESSION_USER() = USER(), SYSTEM_USER() = USER()
SELECT VERSION() = @@version, @@version_comment <> ''
SELECT DATABASE(), SCHEMA()
!reset
SELECT CONNECTION_ID()
!user shop
SELECT CONNECTION_ID()
CREATE VIEW myid AS SELECT CONNECTION_ID() > 0 AS i ;; SELECT * FROM myid ;; DROP VIEW myid
CREATE TABLE ids (id BIGINT, other BIGINT) ;; INSERT INTO ids VALUES (CONNECTION_ID(), 1), (CONNECTION_ID() + 1, 2) ;; SELECT other FROM ids WHERE id = CONNECTION_ID() ;; SELECT other FROM ids WHERE id = CONNECTION_ID() + 1 ;; REPLACE INTO ids SELECT CONNECTION_ID(), {3|4|5} ;; SELECT COUNT(*) FROM ids WHERE id = CONNECTION_ID() ;; DROP TABLE ids
SELECT item FROM orders WHERE CONNECTION_ID() > 0 AND id = {1|2|3} ;; SELECT CASE CONNECTION_ID() WHEN 0 THEN 'zero' ELSE {'x'|'y'|'z'} END ;; SELECT CONNECTION_ID() > 0, {1|2|3}, connection_id() > {0|1}
@{a|b|c} SELECT CONNECTION_ID() ;; @{a|b|c} SELECT CONNECTION_ID() = {1|2}
@{a|b|c} BEGIN ;; @{a|b|c} SELECT CONNECTION_ID() > 0, CONNECTION_ID() ;; @{a|b|c} ROLLBACK
!prepare cid SELECT CONNECTION_ID(), ? ;; !execute cid {1|2|3} ;; BEGIN ;; !execute cid 4 ;; COMMIT ;; !execute cid 5 ;; SELECT COUNT(*) FROM orders
SELECT {CONNECTION_ID() * 0|CONNECTION_ID() IS NULL|COALESCE(CONNECTION_ID(), 1) > 0|LENGTH(CONNECTION_ID()) > 0|CAST(CONNECTION_ID() AS CHAR) <> ''|CONNECTION_ID() DIV CONNECTION_ID()|GREATEST(CONNECTION_ID(), 0) = CONNECTION_ID()|ABS(CONNECTION_ID()) > 0|CONNECTION_ID() << 0 = CONNECTION_ID()} ;; @b SELECT COUNT(*) FROM orders ;; @c SELECT CONNECTION_ID() IS NOT NULL
!reset
-- Lists of connections
SELECT id = CONNECTION_ID(), id, user, db, command FROM information_schema.processlist WHERE id = CONNECTION_ID()
SELECT p.id AS x, info FROM information_schema.processlist p WHERE p.id = CONNECTION_ID()
SELECT COUNT(*) FROM information_schema.processlist WHERE id = 5000000000
BEGIN ;; UPDATE orders SET amount = 7 WHERE id = 1 ;; SELECT trx_mysql_thread_id, trx_rows_modified FROM information_schema.innodb_trx WHERE trx_mysql_thread_id > 0 ;; ROLLBACK
SHOW PROCESSLIST LIKE 'x'
USE information_schema ;; SELECT id = CONNECTION_ID(), id, db FROM processlist WHERE id = CONNECTION_ID() ;; SELECT COUNT(*) > 0 FROM tables ;; USE shop
[mysql]
USE performance_schema ;; SELECT processlist_id, processlist_user FROM threads WHERE processlist_id = CONNECTION_ID() ;; USE shop
SELECT processlist_id, processlist_user FROM performance_schema.threads WHERE processlist_id = CONNECTION_ID() ;; SELECT id FROM performance_schema.processlist WHERE id = CONNECTION_ID() ;; SELECT conn_id, user FROM sys.session WHERE conn_id = CONNECTION_ID()
[both]
