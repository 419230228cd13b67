# The command utxo-store in a container:
#
#   docker build --tag utxo-store .
#   docker run --rm utxo-store doctor --store 'aerospike://HOST:3000/utxo-store?externalStore=file:///data/bodies'
#   docker run --rm --publish 127.0.0.1:3000:3000 utxo-store serve --host 0.0.0.0
#
# There is no HEALTHCHECK, for most commands end by themselves: doctor tells of a store, /metrics of a process.

FROM node:20-bookworm-slim AS install
WORKDIR /build
COPY package.json package-lock.json ./
# No install scripts: the npm client brings its binaries along, and `prepare` would build before the sources are here.
RUN npm ci --ignore-scripts

FROM install AS build
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/clean-dist.js scripts/
COPY lib lib
RUN npm run --silent build && chmod +x dist/cli/main.js

FROM install AS dependencies
# `asset` and bodies in S3 need peers that package.json leaves to its users; here they come in the versions of the
# lock file. Of the npm client's binaries only this platform's stays: 200 MB less.
RUN npm pkg delete devDependencies.fastify devDependencies.@aws-sdk/client-s3 \
    && npm pkg set dependencies.fastify='*' dependencies.@aws-sdk/client-s3='*' \
    && npm prune --omit=dev --ignore-scripts \
    && find node_modules/aerospike/lib/binding -mindepth 1 -maxdepth 1 \
        ! -name "$(node -p '`node-v${process.versions.modules}-linux-${process.arch}`')" -exec rm -r {} +

FROM node:20-bookworm-slim
# What the npm client's binary is linked with; the slim image lacks libyaml. tini as process 1, because the kernel
# hides signals from a process 1 that does not handle them: SIGTERM would not end every command.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libstdc++6 libyaml-0-2 tini zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s /opt/utxo-store/dist/cli/main.js /usr/local/bin/utxo-store \
    && install --directory --owner=node --group=node /data
WORKDIR /opt/utxo-store
# What changes seldom comes first, so that a new version is a small layer.
COPY --from=dependencies /build/node_modules node_modules
COPY package.json LICENSE ./
COPY lua lua
COPY --from=build /build/dist dist
ENV NODE_ENV=production
USER node
# For block files, checkpoints and bodies: mount something lasting here.
WORKDIR /data
ENTRYPOINT ["tini", "--", "utxo-store"]
CMD ["--help"]
