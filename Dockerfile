# The server and quotactl, on Debian 12, as a user without rights.
#
#   docker build -t quotaplane:0.1.0 .
#
# It has no list of packages and no build of its own: both stages use the scripts of tools/, which quickstart and CI run on
# a plain Debian 12. tests/helm/dockerfile_test.py checks that this stays so.

FROM debian:12-slim AS build
WORKDIR /src
COPY . .
RUN tools/build release quotaplane quotactl
RUN tools/runtime_packages build/release/bin/quotaplane build/release/bin/quotactl >/runtime-packages

FROM debian:12-slim
COPY --from=build /runtime-packages /usr/share/quotaplane/packages
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive xargs -a /usr/share/quotaplane/packages apt-get install -y --no-install-recommends \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/build/release/bin/quotaplane /src/build/release/bin/quotactl /usr/local/bin/
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/quotaplane
USER 10001:10001
WORKDIR /var/lib/quotaplane
VOLUME /var/lib/quotaplane
# gRPC, and metrics.
EXPOSE 7411 7412
ENTRYPOINT ["/usr/local/bin/quotaplane"]
CMD ["serve", "--data-dir", "/var/lib/quotaplane"]
