#!/usr/bin/env bash
# Installs the drivers that the tests' and the examples' programs use, and what some tests have beside servers.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/packages.sh \
    /usr/lib/python3/dist-packages/pymysql:python3-pymysql \
    /usr/lib/python3/dist-packages/MySQLdb:python3-mysqldb \
    /usr/lib/python3/dist-packages/virtualenv:python3-virtualenv \
    go:golang-go \
    /usr/share/gocode/src/github.com/go-sql-driver/mysql:golang-github-go-sql-driver-mysql-dev \
    java:default-jdk-headless \
    /usr/share/java/mariadb-java-client.jar:libmariadb-java \
    php:php-cli \
    /usr/share/doc/php-mysql:php-mysql \
    /usr/share/doc/libdbd-mysql-perl:libdbd-mysql-perl \
    ruby:ruby \
    /usr/share/doc/ruby-mysql2:ruby-mysql2 \
    node:nodejs \
    /usr/share/nodejs/mysql:node-mysql \
    mariadb-dump:mariadb-client \
    /usr/share/nodejs/bignumber.js:node-bignumber \
    sysbench:sysbench \
    dnsmasq:dnsmasq-base \
    ip:iproute2 \
    openssl:openssl

# Python's others are not packaged, or too old: they have an environment of their own.
fetched=${XDG_CACHE_HOME:-$HOME/.cache}/splitfin/drivers
python=$fetched/python
stamp=$python/of-$(sha256sum tests/drivers/requirements.txt | cut -c1-16)
if [ ! -e "$stamp" ]; then
    echo "  installing Python's drivers into $python" >&2
    rm -rf "$python"
    /usr/bin/python3 -m virtualenv --quiet --python /usr/bin/python3 --system-site-packages "$python"
    "$python/bin/pip" --quiet --disable-pip-version-check install --requirement tests/drivers/requirements.txt
    touch "$stamp"
fi

# MySQL's Connector/J is in no package of Debian. One of Python's packages has the file that Oracle has published, and it
# is taken for that only with the published sum. SPLITFIN_CONNECTOR_J names another one. Without any, the matrix says so.
connector=$fetched/java/mysql-connector-j.jar
fetch_connector() {
    local work=$1 jar=$1/unpacked/wbjdbc/resources/maven/mysql/mysql-connector-j-8.0.33.jar
    "$python/bin/pip" --quiet --disable-pip-version-check download --no-deps --dest "$work" wbjdbc==2.4.0 &&
        /usr/bin/python3 -m zipfile -e "$work"/wbjdbc-*.whl "$work/unpacked" &&
        echo "e2a3b2fc726a1ac64e998585db86b30fa8bf3f706195b78bb77c5f99bf877bd9  $jar" | sha256sum --check --quiet &&
        mkdir -p "$fetched/java" && mv "$jar" "$connector"
}
if [ -z "${SPLITFIN_CONNECTOR_J:-}" ] && [ ! -e "$connector" ]; then
    echo "  fetching MySQL's Connector/J into $fetched/java" >&2
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    fetch_connector "$work" || echo "  it cannot be had: set SPLITFIN_CONNECTOR_J to a file of yours" >&2
fi
