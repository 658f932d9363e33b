# The service as an image: an ordinary user, a root file system that need not be writable, nothing in it that is not used at run time.
#
#   docker build -t tts-batch-api .                                  with the default voice
#   docker build -t tts-batch-api --build-arg VOICE=none .           without voices: mount some at /models
#   docker run --read-only --tmpfs /tmp -e ALLOWED_USER_TOKEN=... -p 8080:8080 tts-batch-api

ARG RUST_IMAGE=rust:1.95-slim-bookworm
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${RUST_IMAGE} AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock build.rs ./
COPY crates/piper-acoustic/Cargo.toml crates/piper-acoustic/
COPY crates/piper-engine/Cargo.toml crates/piper-engine/
COPY crates/piper-phonemize/Cargo.toml crates/piper-phonemize/
COPY crates/text-normalization/Cargo.toml crates/text-normalization/
# Dependencies are a layer of their own: the manifests' targets stand there empty while they are built.
RUN mkdir -p src benches tests/api && touch src/lib.rs \
    && for crate in crates/*; do mkdir -p $crate/src $crate/benches && touch $crate/src/lib.rs; done \
    && touch crates/text-normalization/benches/normalize.rs && mkdir crates/piper-engine/tests && touch crates/piper-engine/tests/speak.rs \
    && for crate in piper-engine text-normalization; do echo 'fn main() {}' > crates/$crate/build.rs; done \
    && echo 'fn main() {}' > src/main.rs \
    && sed -n '/^\[\[bench\]\]/{n;s|name = "\(.*\)"|benches/\1.rs|p}' Cargo.toml | xargs -r touch \
    && sed -n '/^\[\[test\]\]/{n;n;s|path = "\(.*\)"|\1|p}' Cargo.toml | xargs -r touch \
    && cargo build --release --locked \
    && rm -rf src target/release/.fingerprint/tts-batch-api-* target/release/.fingerprint/piper-* target/release/.fingerprint/text-normalization-*
COPY crates crates
COPY src src
RUN touch src/main.rs src/lib.rs crates/*/src/lib.rs crates/*/build.rs && cargo build --release --locked && strip target/release/tts-batch-api

FROM ${PYTHON_IMAGE} AS parts
WORKDIR /parts
COPY deploy/fetch.py deploy/requirements.txt deploy/
ARG VOICE=default
RUN mkdir models && if [ "$VOICE" = none ]; then python3 deploy/fetch.py --without-voice; else python3 deploy/fetch.py; fi

# Everything that the image will hold: the program, its parts, the shared libraries that these name, and nothing else of a system.
FROM ${BASE_IMAGE} AS root
WORKDIR /root-of-the-image
COPY --from=build /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/ca-certificates.crt
COPY --from=parts /parts/runtime app/runtime
COPY --from=build /build/target/release/tts-batch-api usr/local/bin/tts-batch-api
RUN find . -name '*.so*' -o -name tts-batch-api -type f | xargs ldd \
    | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' | sort -u | xargs cp --parents -L -t . \
    && echo 'tts:x:10001:10001::/tmp:/' > etc/passwd && echo 'tts:x:10001:' > etc/group && echo 'hosts: files dns' > etc/nsswitch.conf \
    && mkdir -m 1777 tmp && mkdir proc

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="tts-batch-api" \
      org.opencontainers.image.description="Text-to-speech service for Piper voices" \
      org.opencontainers.image.licenses="GPL-3.0-or-later" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=root /root-of-the-image /
COPY --from=parts --chown=10001:10001 /parts/models /models
WORKDIR /app
ENV HOME=/tmp \
    PATH=/usr/local/bin \
    TTS_MODELS_DIR=/models
USER 10001:10001
EXPOSE 8080 10200
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["tts-batch-api", "healthcheck"]
ENTRYPOINT ["tts-batch-api"]
CMD ["serve"]
