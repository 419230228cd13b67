# The command utxo-store in a container:
#
#   docker build --tag utxo-store .
#   docker run --rm --init utxo-store doctor --store 'aerospike://HOST:3000/utxo-store?externalStore=file:///data/bodies'
#   docker run --rm --init --publish 127.0.0.1:3000:3000 utxo-store serve --host 0.0.0.0
#
# --init passes signals on: commands that do not handle SIGTERM would not see it as process 1.

FROM node:20-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
# No install scripts: the npm client brings its binaries along, and `prepare` would build before the sources are here.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/clean-dist.js scripts/
COPY lib lib
RUN npm run --silent build \
    && npm prune --omit=dev --ignore-scripts \
    && find node_modules/aerospike/lib/binding -mindepth 1 -maxdepth 1 \
        ! -name "$(node -p '`node-v${process.versions.modules}-linux-${process.arch}`')" -exec rm -r {} +

FROM node:20-bookworm-slim
# What the npm client's binary is linked with; the slim image lacks libyaml.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libstdc++6 libyaml-0-2 zlib1g \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/utxo-store
COPY package.json LICENSE ./
COPY lua lua
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
RUN chmod +x dist/cli/main.js \
    && ln -s /opt/utxo-store/dist/cli/main.js /usr/local/bin/utxo-store \
    && install --directory --owner=node --group=node /data
ENV NODE_ENV=production
USER node
# For block files, checkpoints and bodies: mount something lasting here.
WORKDIR /data
ENTRYPOINT ["utxo-store"]
CMD ["--help"]
