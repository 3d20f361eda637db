#!/usr/bin/env bash
# Installs the drivers that the tests' example programs use.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/packages.sh \
    /usr/lib/python3/dist-packages/pymysql:python3-pymysql \
    /usr/lib/python3/dist-packages/MySQLdb:python3-mysqldb \
    go:golang-go \
    /usr/share/gocode/src/github.com/go-sql-driver/mysql:golang-github-go-sql-driver-mysql-dev \
    java:default-jdk-headless \
    /usr/share/java/mariadb-java-client.jar:libmariadb-java \
    sysbench:sysbench
