-- What a session is like: variables, character sets, database, roles, time zone.
-- Every change is followed by reads, which go elsewhere through Splitfin, and by a write.

SELECT @@sql_mode
SET SESSION sql_mode = {''|'ANSI_QUOTES'|'NO_BACKSLASH_ESCAPES'|'PIPES_AS_CONCAT'|'STRICT_TRANS_TABLES,NO_ZERO_DATE'|'ANSI'|'TRADITIONAL'|DEFAULT} ;; SELECT @@sql_mode ;; SELECT 'a' || 'b' ;; SELECT item FROM orders ORDER BY id LIMIT 1 ;; SELECT @@SESSION.sql_mode, @@LOCAL.sql_mode
SET sql_mode = 'ANSI_QUOTES' ;; SELECT "item" FROM "orders" WHERE "id" = 1 ;; SELECT id FROM orders WHERE item = 'pear' ;; SET sql_mode = DEFAULT ;; SELECT "item" FROM orders LIMIT 1
SET sql_mode = 'NO_BACKSLASH_ESCAPES' ;; SELECT 'a\' ;; SELECT 'a\', 'b' ;; SET sql_mode = DEFAULT ;; SELECT 'a\'b'
SET sql_mode = 'IGNORE_SPACE' ;; SELECT COUNT (*) FROM orders ;; SET sql_mode = DEFAULT
SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES') ;; SELECT @@sql_mode ;; SELECT "item" FROM orders ORDER BY "id" LIMIT 1 ;; SET sql_mode = REPLACE(@@sql_mode, 'ANSI_QUOTES', '') ;; SELECT @@sql_mode
SET sql_mode = 'no_such_mode'
SELECT @@sql_mode
SET @@session.sql_mode = DEFAULT, @@time_zone = '+03:00' ;; SELECT @@time_zone, @@sql_mode
SET time_zone = {'+00:00'|'-05:30'|'SYSTEM'|DEFAULT|'+14:00'} ;; SELECT @@time_zone ;; SELECT FROM_UNIXTIME(86400) ;; SELECT UNIX_TIMESTAMP('2020-01-01 00:00:00')
SET time_zone = 'nowhere'
SELECT @@time_zone
SET NAMES {utf8mb4|latin1|ascii|utf8mb3|binary|cp1252|koi8r|DEFAULT} ;; SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection ;; SELECT 'x' ;; SELECT COLLATION('x'), CHARSET('x') ;; SELECT item FROM orders ORDER BY id LIMIT 1
SET NAMES utf8mb4 COLLATE {utf8mb4_bin|utf8mb4_unicode_ci|utf8mb4_general_ci} ;; SELECT @@collation_connection, COLLATION('x') ;; SELECT 'A' = 'a' ;; SELECT item FROM orders WHERE item = 'APPLE'
SET NAMES latin1 COLLATE latin1_bin ;; SELECT @@collation_connection ;; SELECT 'A' = 'a'
SET CHARACTER SET {latin1|utf8mb4|DEFAULT} ;; SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection ;; SELECT COLLATION('x')
SET character_set_results = {NULL|latin1|utf8mb4|binary|DEFAULT} ;; SELECT @@character_set_results ;; SELECT 'x', item FROM orders ORDER BY id LIMIT 1
SET character_set_client = latin1 ;; SELECT @@character_set_client ;; SELECT 'ü' ;; SET character_set_client = DEFAULT
SET character_set_connection = latin1 ;; SELECT @@collation_connection ;; SELECT COLLATION('x') ;; SET character_set_connection = DEFAULT
SET collation_connection = {latin1_bin|utf8mb4_bin|DEFAULT} ;; SELECT @@collation_connection, @@character_set_connection ;; SELECT COLLATION('x')
SET NAMES no_such_charset
SET NAMES utf8mb4
SELECT 'ä' = 'a', 'ß' = 's', LENGTH('ä')
SELECT _latin1'abc', _utf8mb4'abc' COLLATE utf8mb4_bin
SET SESSION transaction_isolation = {'READ-COMMITTED'|'REPEATABLE-READ'|'READ-UNCOMMITTED'|'SERIALIZABLE'|DEFAULT} ;; SELECT item FROM orders ORDER BY id ;; SELECT COUNT(*) FROM orders
[mysql]
SELECT @@transaction_isolation, @@transaction_read_only
SET SESSION TRANSACTION ISOLATION LEVEL {READ COMMITTED|REPEATABLE READ|SERIALIZABLE} ;; SELECT @@transaction_isolation ;; SELECT COUNT(*) FROM orders
SET SESSION transaction_isolation = DEFAULT ;; SELECT @@transaction_isolation
[mariadb]
SELECT @@tx_isolation, @@tx_read_only
SET SESSION TRANSACTION ISOLATION LEVEL {READ COMMITTED|REPEATABLE READ|SERIALIZABLE} ;; SELECT @@tx_isolation ;; SELECT COUNT(*) FROM orders
SET SESSION tx_isolation = DEFAULT ;; SELECT @@tx_isolation
[both]
SET SESSION TRANSACTION READ ONLY ;; SELECT COUNT(*) FROM orders ;; INSERT INTO orders (item) VALUES ('no') ;; SET SESSION TRANSACTION READ WRITE ;; INSERT INTO orders (item) VALUES ('yes') ;; SELECT COUNT(*) FROM orders
SET autocommit = {0|OFF} ;; SELECT @@autocommit ;; INSERT INTO orders (item) VALUES ('open') ;; SELECT COUNT(*) FROM orders ;; ROLLBACK ;; SELECT COUNT(*) FROM orders ;; SET autocommit = {1|ON} ;; SELECT @@autocommit ;; SELECT COUNT(*) FROM orders
SET autocommit = 0 ;; UPDATE orders SET amount = 100 WHERE id = 1 ;; SET autocommit = 1 ;; SELECT amount FROM orders WHERE id = 1 ;; UPDATE orders SET amount = 1 WHERE id = 1
SET foreign_key_checks = {0|1|OFF|ON|DEFAULT} ;; SELECT @@foreign_key_checks
SET unique_checks = {0|1|DEFAULT} ;; SELECT @@unique_checks
SET sql_safe_updates = 1 ;; UPDATE orders SET amount = 9 ;; SET sql_safe_updates = 0 ;; SELECT @@sql_safe_updates
SET sql_select_limit = {1|2|DEFAULT} ;; SELECT item FROM orders ORDER BY id ;; SELECT @@sql_select_limit
SET sql_big_selects = {0|1|DEFAULT} ;; SELECT @@sql_big_selects
SET sql_auto_is_null = {1|0|DEFAULT} ;; SELECT @@sql_auto_is_null
SET group_concat_max_len = {5|1024|DEFAULT} ;; SELECT @@group_concat_max_len ;; SELECT GROUP_CONCAT(item ORDER BY id) FROM orders
SET div_precision_increment = {2|8|DEFAULT} ;; SELECT 1 / 3, @@div_precision_increment
SET default_week_format = {1|3|DEFAULT} ;; SELECT WEEK('2021-01-01'), @@default_week_format
SET lc_time_names = {'de_DE'|'fr_FR'|DEFAULT} ;; SELECT DATE_FORMAT('2021-03-01', '%M %W'), @@lc_time_names
SET lc_messages = {'en_US'|DEFAULT} ;; SELECT @@lc_messages
SET auto_increment_increment = {10|DEFAULT} ;; SELECT @@auto_increment_increment ;; INSERT INTO orders (item) VALUES (NULL) ;; SELECT LAST_INSERT_ID() > 0
SET auto_increment_offset = {1|DEFAULT} ;; SELECT @@auto_increment_offset
SET wait_timeout = {100|28800|DEFAULT} ;; SELECT @@wait_timeout ;; SELECT @@session.wait_timeout, @@interactive_timeout
SET net_write_timeout = {600|DEFAULT}, net_read_timeout = 55 ;; SELECT @@net_write_timeout, @@net_read_timeout
SET innodb_lock_wait_timeout = {5|DEFAULT} ;; SELECT @@innodb_lock_wait_timeout
SET lock_wait_timeout = {77|DEFAULT} ;; SELECT @@lock_wait_timeout
SET max_sort_length = {8|DEFAULT} ;; SELECT @@max_sort_length
SET max_join_size = {100000|DEFAULT} ;; SELECT @@max_join_size
SET sort_buffer_size = {65536|DEFAULT} ;; SELECT @@sort_buffer_size > 0
SET completion_type = {1|0|DEFAULT} ;; SELECT @@completion_type
SET max_error_count = {0|5|DEFAULT} ;; SELECT @@max_error_count
SET max_heap_table_size = {1048576|DEFAULT} ;; SELECT @@max_heap_table_size
SET tmp_table_size = {1048576|DEFAULT} ;; SELECT @@tmp_table_size
SET read_buffer_size = {65536|DEFAULT} ;; SELECT @@read_buffer_size
SET cte_max_recursion_depth = 5
SET eq_range_index_dive_limit = {7|DEFAULT} ;; SELECT @@eq_range_index_dive_limit
SET old_alter_table = DEFAULT
SET sql_notes = {0|1} ;; DROP TABLE IF EXISTS nothing_there ;; SHOW WARNINGS ;; SELECT @@sql_notes
SET sql_warnings = {1|0} ;; SELECT @@sql_warnings
SET sql_quote_show_create = 0 ;; SHOW CREATE TABLE blank ;; SET sql_quote_show_create = 1 ;; SHOW CREATE TABLE blank
SET low_priority_updates = {1|0} ;; SELECT @@low_priority_updates
SET optimizer_prune_level = {0|1} ;; SELECT @@optimizer_prune_level
SET profiling = 0
SET optimizer_switch = 'mrr=off' ;; SELECT @@optimizer_switch LIKE '%mrr=off%' ;; SET optimizer_switch = DEFAULT ;; SELECT @@optimizer_switch LIKE '%mrr=off%'
SET big_tables = DEFAULT
SET default_storage_engine = {MyISAM|InnoDB} ;; SELECT @@default_storage_engine
SET collation_database = {latin1_bin|DEFAULT}
SET character_set_filesystem = {latin1|DEFAULT} ;; SELECT @@character_set_filesystem
[mariadb]
SET max_statement_time = {5|0|DEFAULT} ;; SELECT @@max_statement_time ;; SELECT COUNT(*) FROM orders
SET STATEMENT max_statement_time = 10 FOR SELECT item FROM orders ORDER BY id
SET STATEMENT sql_select_limit = 1 FOR SELECT item FROM orders ORDER BY id ;; SELECT @@sql_select_limit ;; SELECT item FROM orders ORDER BY id
SET STATEMENT sort_buffer_size = 100000 FOR INSERT INTO orders (item) VALUES ('statement') ;; SELECT COUNT(*) FROM orders ;; DELETE FROM orders WHERE item = 'statement'
SET join_cache_level = {0|2|DEFAULT} ;; SELECT @@join_cache_level
SET column_compression_threshold = {50|DEFAULT} ;; SELECT @@column_compression_threshold
SET alter_algorithm = DEFAULT
SET system_versioning_asof = {'2020-01-01 00:00:00'|DEFAULT} ;; SELECT @@system_versioning_asof
SET idle_transaction_timeout = {100|DEFAULT} ;; SELECT @@idle_transaction_timeout
[mysql]
SET max_execution_time = {5000|0|DEFAULT} ;; SELECT @@max_execution_time ;; SELECT COUNT(*) FROM orders
SELECT /*+ SET_VAR(sort_buffer_size = 100000) */ item FROM orders ORDER BY id
SELECT /*+ MAX_EXECUTION_TIME(5000) */ COUNT(*) FROM orders
SET explain_format = {JSON|TREE|DEFAULT} ;; SELECT @@explain_format
SET sql_require_primary_key = {1|0} ;; SELECT @@sql_require_primary_key
SET cte_max_recursion_depth = {10|DEFAULT} ;; SELECT @@cte_max_recursion_depth
SET information_schema_stats_expiry = {0|DEFAULT} ;; SELECT @@information_schema_stats_expiry
SET windowing_use_high_precision = {0|1} ;; SELECT @@windowing_use_high_precision
SET default_collation_for_utf8mb4 = DEFAULT
SET resultset_metadata = DEFAULT
SET show_create_table_verbosity = {1|0} ;; SELECT @@show_create_table_verbosity
[both]
SET no_such_variable = 1
SET sql_select_limit = 'text'
SET SESSION max_connections = 5
SET @@global.no_such = 1
SELECT @@no_such_variable

-- What procedures set lasts.
CALL strict() ;; SELECT @@sql_mode ;; INSERT INTO orders (item, amount) VALUES ('strict', 'text') ;; SET sql_mode = DEFAULT ;; SELECT @@sql_mode

-- Databases.
SELECT DATABASE(), SCHEMA()
USE {store|shop|store} ;; SELECT DATABASE() ;; SHOW TABLES ;; SELECT @@character_set_database, @@collation_database
SELECT name FROM names ORDER BY id
USE no_such_database
SELECT DATABASE()
!init shop
SELECT DATABASE()
SELECT item FROM orders ORDER BY id LIMIT 1
!init no_such_database
SELECT DATABASE()
CREATE DATABASE passing ;; USE passing ;; CREATE TABLE t (id INT) ;; SELECT COUNT(*) FROM t ;; SELECT DATABASE() ;; DROP DATABASE passing ;; SELECT DATABASE() ;; SELECT 1 ;; SELECT COUNT(*) FROM t ;; SHOW TABLES ;; USE shop ;; SELECT DATABASE()
CREATE DATABASE passing ;; USE passing ;; @b DROP DATABASE passing ;; SELECT DATABASE() ;; SELECT 1 ;; SHOW TABLES ;; USE shop ;; SELECT COUNT(*) FROM orders

-- Roles.
SELECT CURRENT_ROLE()
SET ROLE NONE ;; SELECT CURRENT_ROLE()
SET ROLE no_such_role
SELECT CURRENT_ROLE()
CREATE ROLE IF NOT EXISTS r1 ;; CREATE ROLE IF NOT EXISTS r2 ;; GRANT r1 TO app ;; GRANT r2 TO app
SELECT CURRENT_ROLE() ;; SET ROLE r1 ;; SELECT CURRENT_ROLE() ;; @b SELECT CURRENT_ROLE() ;; SELECT COUNT(*) FROM orders ;; SELECT CURRENT_ROLE() ;; !reset ;; SELECT CURRENT_ROLE() ;; @b SELECT CURRENT_ROLE() ;; SET ROLE NONE ;; SELECT CURRENT_ROLE()
SET ROLE r2 ;; @b SET ROLE r1 ;; SELECT CURRENT_ROLE() ;; @b SELECT CURRENT_ROLE() ;; BEGIN ;; SELECT CURRENT_ROLE() ;; SET ROLE NONE ;; COMMIT ;; SELECT CURRENT_ROLE() ;; @b SET ROLE NONE
START TRANSACTION READ ONLY ;; SELECT COUNT(*) FROM orders ;; SET ROLE r1 ;; SELECT CURRENT_ROLE() ;; COMMIT ;; SELECT CURRENT_ROLE() ;; SET ROLE NONE
PREPARE s FROM 'SET ROLE r1' ;; EXECUTE s ;; SELECT CURRENT_ROLE() ;; DEALLOCATE PREPARE s ;; SELECT CURRENT_ROLE() ;; @b SELECT CURRENT_ROLE() ;; SET ROLE NONE
[mysql]
SET ROLE r1, r2 ;; SELECT CURRENT_ROLE() ;; SELECT COUNT(*) FROM orders ;; SELECT CURRENT_ROLE() ;; SET ROLE ALL EXCEPT r1 ;; SELECT CURRENT_ROLE() ;; SET ROLE DEFAULT ;; SELECT CURRENT_ROLE() ;; SET DEFAULT ROLE r1 TO app ;; @c !reconnect ;; @c SELECT CURRENT_ROLE() ;; @c SET ROLE r2 ;; @c !reset ;; @c SELECT CURRENT_ROLE() ;; @c SET ROLE DEFAULT ;; @c SELECT CURRENT_ROLE() ;; SELECT CURRENT_ROLE() ;; SET DEFAULT ROLE NONE TO app
[mariadb]
SET DEFAULT ROLE r1 FOR app ;; @c !reconnect ;; @c SELECT CURRENT_ROLE() ;; @c SET ROLE r2 ;; @c SELECT CURRENT_ROLE() ;; @c !reset ;; @c SELECT CURRENT_ROLE() ;; SELECT CURRENT_ROLE() ;; @c SET ROLE NONE ;; @c !reset ;; @c SELECT CURRENT_ROLE() ;; SELECT CURRENT_ROLE() ;; SET DEFAULT ROLE NONE FOR app
[both]
@c SELECT CURRENT_ROLE() ;; DROP ROLE r1 ;; DROP ROLE r2

-- Reset and change of user.
SET sql_mode = 'ANSI', time_zone = '+05:00', wait_timeout = 99 ;; SET NAMES latin1 ;; USE store ;; !reset ;; SELECT @@sql_mode, @@time_zone, @@wait_timeout, DATABASE() ;; SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection
!reset
SELECT COLLATION('x')
SET NAMES utf8mb4 ;; USE shop
BEGIN ;; INSERT INTO orders (item) VALUES ('lost') ;; !reset ;; SELECT COUNT(*) FROM orders WHERE item = 'lost'
SET autocommit = 0 ;; !reset ;; SELECT @@autocommit ;; !ping
!multi on
SET sql_mode = 'ANSI' ;; !user shop ;; SELECT @@sql_mode, DATABASE(), @@character_set_client, @@collation_connection
!user store ;; SELECT DATABASE() ;; SELECT name FROM names ORDER BY id
!user shop
SELECT USER() LIKE 'app@%', CURRENT_USER()

-- Two sessions that differ in everything, in turns.
@a SET sql_mode = 'ANSI_QUOTES', time_zone = '+01:00'
@b SET sql_mode = '', time_zone = '-01:00'
@c SET sql_mode = 'PIPES_AS_CONCAT', time_zone = '+09:00'
@{a|b|c|a|b|c} SELECT @@sql_mode, @@time_zone ;; @a SELECT "id" FROM orders LIMIT 1 ;; @b SELECT "id" FROM orders LIMIT 1 ;; @c SELECT 'x' || 'y' ;; @b SELECT 'x' || 'y'
@{a|b|c} SET NAMES {latin1|utf8mb4|ascii} ;; @a SELECT @@character_set_client, @@time_zone ;; @b SELECT @@character_set_client, @@time_zone ;; @c SELECT @@character_set_client, @@time_zone
@{a|b|c} USE {store|shop} ;; @a SELECT DATABASE() ;; @b SELECT DATABASE() ;; @c SELECT DATABASE()

-- What sessions see of variables that the proxy sets for itself.
SELECT @@session_track_schema, @@session_track_state_change, @@session_track_system_variables
SHOW VARIABLES LIKE 'session_track%'
SHOW SESSION VARIABLES WHERE Variable_name IN ('sql_mode', 'time_zone', 'character_set_client')
SET session_track_schema = {0|1} ;; SELECT @@session_track_schema ;; USE store ;; USE shop
SET session_track_state_change = {1|0} ;; SELECT @@session_track_state_change ;; SET time_zone = '+00:00' ;; SET @v = 1
SET session_track_system_variables = {'*'|'sql_mode'|''|DEFAULT} ;; SELECT @@session_track_system_variables ;; SET sql_mode = '' ;; SET time_zone = '+02:00' ;; SET NAMES utf8mb4
[mysql] BEGIN ;; SHOW VARIABLES LIKE 'session_track_schema' ;; INSERT INTO orders (item) VALUES ('tracked') ;; COMMIT ;; SHOW VARIABLES LIKE 'session_track_gtids' ;; INSERT INTO orders (item) VALUES ('tracked') ;; SELECT @@session_track_gtids
SET session_track_transaction_info = {STATE|CHARACTERISTICS|OFF|DEFAULT} ;; SELECT @@session_track_transaction_info ;; BEGIN ;; SELECT COUNT(*) FROM orders ;; COMMIT
SHOW VARIABLES LIKE '{tx|transaction}_read_only'
SHOW SESSION VARIABLES LIKE '{sql_mode|autocommit|wait_timeout|time_zone|collation%|transaction%}'
SHOW GLOBAL VARIABLES LIKE 'autocommit'
SET NAMES utf8mb3 ;; SHOW WARNINGS ;; SELECT @@collation_connection ;; SET NAMES utf8mb4
BEGIN; INSERT INTO orders (item) VALUES ('rolled back'); ROLLBACK; SELEC 1 ;; SELECT 1 ;; BEGIN ;; COMMIT
-- What was never set has no type, whatever somebody else's variable of that name had
SELECT @never_1, @never_2
SET @never_1 = 5, @never_2 = 1.5, @never_3 = 'a'
SELECT @never_1, @never_2, @never_3
@b SELECT @never_1, @never_2, @never_3
@b SELECT COALESCE(@never_1, 1), @never_3
!reset
SELECT @never_1, @never_2, @never_3
@b SET @never_1 = 'x'
SELECT @never_1
@b SELECT @never_1, @never_2
SET GLOBAL max_sort_length = 2000, group_concat_max_len = 5000, max_error_count = 7 ;; SELECT @@global.group_concat_max_len, @@group_concat_max_len, @@global.max_error_count, @@max_error_count
SET GLOBAL max_sort_length = DEFAULT ;; SET GLOBAL group_concat_max_len = DEFAULT ;; SET GLOBAL max_error_count = DEFAULT
SET @@global.max_sort_length = 2000, group_concat_max_len = 5000, @x = 5, max_error_count = 7 ;; SELECT @@global.group_concat_max_len, @@group_concat_max_len, @@global.max_error_count, @@max_error_count
SET @@global.max_sort_length = DEFAULT
[mariadb]
SET STATEMENT sql_mode = 'NO_ZERO_DATE' FOR SELECT @@sql_mode ;; SELECT @@sql_mode ;; SET STATEMENT sql_mode = '' FOR SELECT 'a\' , 1, '
[mariadb]
SET STATEMENT sql_mode = 'NO_BACKSLASH_ESCAPES' FOR SELECT 'a\', 'b'
[mariadb]
SET STATEMENT max_statement_time = 5, sort_buffer_size = 300000 FOR SELECT COUNT(*) FROM orders ;; SELECT @@max_statement_time
[mariadb]
SET STATEMENT group_concat_max_len = 5 FOR SELECT GROUP_CONCAT(item) FROM orders ;; SHOW WARNINGS ;; SELECT @@group_concat_max_len
[mariadb]
SET STATEMENT time_zone = '+05:00' FOR SELECT @@time_zone, NOW() = UTC_TIMESTAMP() + INTERVAL 5 HOUR ;; SELECT @@time_zone
[mariadb]
SET STATEMENT sql_mode = 'PIPES_AS_CONCAT' FOR SELECT 'a' || 'b' ;; SELECT 'a' || 'b'
[mariadb]
SET STATEMENT foreign_key_checks = 0 FOR INSERT INTO blank VALUES (1, 'x') ;; SELECT @@foreign_key_checks ;; DELETE FROM blank
[mariadb]
SET STATEMENT no_such = 1 FOR SELECT 1
[mariadb]
SET STATEMENT character_set_client = latin1 FOR SELECT 'ü' ;; SELECT @@character_set_client
[mariadb]
SET STATEMENT autocommit = 0 FOR SELECT 1 ;; SELECT @@autocommit
[mariadb]
SET STATEMENT transaction_isolation = 'SERIALIZABLE' FOR SELECT COUNT(*) FROM orders
[mariadb]
SET STATEMENT tx_isolation = 'SERIALIZABLE' FOR SELECT COUNT(*) FROM orders ;; SELECT @@tx_isolation
[mariadb]
SET STATEMENT last_insert_id = 5 FOR SELECT LAST_INSERT_ID() ;; SELECT LAST_INSERT_ID()
[mariadb]
SET STATEMENT max_statement_time = 50 FOR SELECT COUNT(*) FROM orders ;; SHOW WARNINGS
[mariadb]
SET STATEMENT sql_select_limit = 1 FOR SELECT item FROM orders ;; SELECT item FROM orders
[mariadb]
SET STATEMENT sql_log_bin = 1 FOR SELECT 1
[both]
[mariadb]
SET STATEMENT time_zone = '+05:00' FOR SELECT 1
SELECT 1
SELECT 2
SELECT 3
SELECT 4
SET STATEMENT sql_mode = 'NO_ZERO_DATE' FOR SELECT 1
SELECT 5
SET STATEMENT sql_mode = 'NO_ZERO_DATE' FOR SELECT 1
SELECT 5
SET STATEMENT sql_mode = 'NO_ZERO_DATE' FOR SELECT 1
SELECT 6
[both]
[mariadb]
SET STATEMENT time_zone = '+05:00' FOR SELECT COUNT(*) FROM orders ;; @b SET time_zone = '+05:00' ;; @b SELECT NOW() = UTC_TIMESTAMP() + INTERVAL 5 HOUR ;; @b SELECT @@time_zone, COUNT(*) FROM orders ;; SELECT @@time_zone ;; @b SET time_zone = DEFAULT
!multi on ;; SET STATEMENT sql_mode = '' FOR SELECT 1; SET SESSION group_concat_max_len = 99 ;; SELECT @@group_concat_max_len, @@sql_mode <> '' ;; SET SESSION group_concat_max_len = DEFAULT ;; !multi off
[both]
-- New sessions, and those that were reset, begin with what is the default then. Long after accounts were changed: that closes
-- connections, and a session that goes on then has the defaults of new ones.
SET GLOBAL max_sort_length = 2000, max_error_count = 7 ;; @n !reconnect ;; @n SELECT @@max_sort_length, @@max_error_count ;; SELECT @@max_sort_length, @@max_error_count ;; @n SELECT @@max_sort_length, @@max_error_count ;; !reset ;; SELECT @@max_sort_length, @@max_error_count ;; SET GLOBAL max_sort_length = DEFAULT, max_error_count = DEFAULT ;; SELECT @@max_sort_length, @@max_error_count ;; !reset ;; SELECT @@max_sort_length, @@max_error_count ;; @n SELECT @@max_sort_length, @@max_error_count ;; @n !user shop ;; @n SELECT @@max_sort_length, @@max_error_count
-- Roles, and what becomes of them when the user changes to the same one.
CREATE ROLE scripted ;; GRANT scripted TO app@'%' ;; SET ROLE scripted ;; SELECT CURRENT_ROLE() IN ('scripted', '`scripted`@`%`') ;; !user shop ;; SELECT CURRENT_ROLE() IN ('scripted', '`scripted`@`%`') ;; SET ROLE NONE ;; !user shop ;; SELECT CURRENT_ROLE() ;; DROP ROLE scripted
