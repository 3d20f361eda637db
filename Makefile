# The two that a newcomer needs: `make demo` and `make test`. Each installs what is missing on Debian and Ubuntu.

CARGO ?= cargo
SERVERS ?= mariadb

.PHONY: demo test hostile up down client check bench fuzz servers tools help

help:
	@echo "make demo    a primary, two replicas and Splitfin on this machine, and a tour (SERVERS=mysql for MySQL)"
	@echo "make test    all tests, on real MariaDB and MySQL"
	@echo "make hostile 64 honest clients alongside hostile ones of all kinds, for two minutes (HOSTILE_SECONDS=600 for longer)"
	@echo "make up      the same in containers, to keep: compose/README.md (STACK=use-haproxy, use-nginx for the others)"
	@echo "make client  the mysql command line on it"
	@echo "make down    ends it, and removes its data"
	@echo "make check   formatting, lints, documentation, layers, licences"
	@echo "make bench   rounds of sysbench: direct, floor, HAProxy, nginx, Splitfin"
	@echo "make fuzz    every fuzz target for a short while (FUZZ_SECONDS=600 for longer)"

demo: system
	@echo "Servers:"
	@tools/servers.sh $(SERVERS)
	@echo "Building Splitfin (the first time takes some minutes) ..."
	@$(CARGO) build --bin splitfin
	@target/debug/splitfin demo --servers $(SERVERS) $(if $(TOUR),--tour,)

test: system
	@tools/servers.sh
	@tools/drivers.sh
	@tools/test.sh

# One story of the tests in full length, on a program as it is released, one family after the other: alone on the machine,
# times say something.
HOSTILE_SECONDS ?= 120
hostile: system
	@tools/servers.sh
	$(CARGO) build --release --bin splitfin
	SPLITFIN_PROGRAM=$(CURDIR)/target/release/splitfin SPLITFIN_HOSTILE_SECONDS=$(HOSTILE_SECONDS) \
		$(CARGO) test -p splitfin-tests --test stories -- \
		serves_the_honest_beside_the_hostile:: --nocapture --test-threads=1

# Containers: a master, two slaves, and what stands in front of them (compose/README.md).
STACK ?= use-splitfin
up:
	@compose/up.sh $(STACK)
	@echo "up. A command line: make client; an application: 127.0.0.1:6033, account app, password in compose/secrets/app"

down:
	@compose/down.sh

client:
	@compose/client.sh $(if $(filter use-%,$(STACK)),$(STACK:use-%=%),splitfin)

check: system
	tools/check.sh

bench: system
	@tools/servers.sh $(SERVERS)
	@tools/packages.sh sysbench:sysbench cc:gcc haproxy:haproxy nginx:nginx-light
	@tools/packages.sh /usr/lib/nginx/modules/ngx_stream_module.so:libnginx-mod-stream
	$(CARGO) build --release --bin splitfin --bin splitfin-bench
	target/release/splitfin-bench --servers $(SERVERS) $(BENCH)

fuzz:
	tools/fuzz.sh

servers:
	tools/servers.sh

# What building needs beside Rust: a C compiler for the TLS library, lld as the linker.
.PHONY: system
system:
	@tools/packages.sh cc:gcc ld.lld:lld
