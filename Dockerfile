# Builds the program and ONNX Runtime's library, and puts them, the starter models and PostgreSQL's programs into an image
# that runs as an ordinary user. Everything that it writes is in the volume /data.

FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake nasm python3 python3-pip && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY scripts/setup scripts/setup
RUN scripts/setup onnxruntime
COPY . .
RUN SQLX_OFFLINE=true cargo build --release --locked

FROM debian:bookworm-slim
# The package would make a cluster and start it; only the programs are needed.
RUN mkdir -p /etc/postgresql-common \
    && echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf \
    && apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libstdc++6 postgresql-15 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home chronograde \
    && install -d -o chronograde -g chronograde -m 750 /data
COPY --from=build /build/target/release/chronograde /usr/local/bin/chronograde
COPY --from=build /build/.runtime/onnxruntime /usr/local/lib/onnxruntime
COPY models /usr/local/share/chronograde/models
ENV CHRONOGRADE_LISTEN=0.0.0.0:8080 \
    CHRONOGRADE_DATA_DIR=/data \
    CHRONOGRADE_MODELS=/usr/local/share/chronograde/models \
    CHRONOGRADE_ONNXRUNTIME=/usr/local/lib/onnxruntime/libonnxruntime.so
USER chronograde
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["chronograde", "healthcheck"]
ENTRYPOINT ["chronograde"]
CMD ["serve"]
