# Splitfin in an image without a shell: docker build -t splitfin:local .
#
# With a file of configuration:   docker run -v "$PWD/splitfin.yaml:/etc/splitfin/splitfin.yaml:ro" splitfin:local
# or with variables alone:        docker run -e SPLITFIN_SEED=db:3306 -e SPLITFIN_MONITOR_PASSWORD=... splitfin:local
#                                 (docker/splitfin.yaml lists them)

FROM rust:1-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends lld && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cargo build --release --locked --bin splitfin \
 && mkdir -p /out/state && strip --strip-debug -o /out/splitfin target/release/splitfin

# The C library and nothing else; the user is `nonroot`.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/splitfin /usr/local/bin/splitfin
COPY docker/splitfin.yaml /etc/splitfin/splitfin.yaml
# A volume that is mounted here for the first time belongs to the user.
COPY --from=build --chown=65532:65532 /out/state /var/lib/splitfin
VOLUME /var/lib/splitfin
EXPOSE 3306 9090
# SIGTERM lets statements end that run, and takes no new clients.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=2s --timeout=3s --start-period=30s CMD ["/usr/local/bin/splitfin", "health", "/etc/splitfin/splitfin.yaml"]
ENTRYPOINT ["/usr/local/bin/splitfin"]
CMD ["run", "--watch", "/etc/splitfin/splitfin.yaml"]
