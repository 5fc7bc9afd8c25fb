# Two images. `worker`: a worker, and the program `audience`. `sandbox`: the stand-in of the Polytomic API, which needs more.
# Debian, since the native part of Temporal's SDK needs glibc.
ARG NODE_IMAGE=node:20.20.2-bookworm-slim

FROM ${NODE_IMAGE} AS build
ENV npm_config_cache=/var/cache/npm
WORKDIR /app
COPY .npmrc package.json package-lock.json ./
RUN --mount=type=cache,target=/var/cache/npm npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && chmod +x dist/cli/main.js

FROM ${NODE_IMAGE} AS dependencies
ENV npm_config_cache=/var/cache/npm
WORKDIR /app
COPY .npmrc package.json package-lock.json ./
# The SDK brings its native part for five platforms, 140 MB in all.
RUN --mount=type=cache,target=/var/cache/npm npm ci --omit=dev \
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 \
    ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -r {} +

FROM dependencies AS sandbox-dependencies
# In the versions of the lock file.
RUN --mount=type=cache,target=/var/cache/npm npm install --omit=dev --save-prod fastify @fastify/formbody @duckdb/node-api

FROM ${NODE_IMAGE} AS runtime
ENV NODE_ENV=production
WORKDIR /app
RUN ln -s /app/dist/cli/main.js /usr/local/bin/audience \
  && install -d -o node -g node /var/lib/audience-sandbox

FROM runtime AS sandbox
COPY --from=sandbox-dependencies /app/node_modules node_modules
COPY LICENSE package.json ./
COPY --from=build /app/dist dist
USER node
CMD ["audience", "sandbox", "--state=/var/lib/audience-sandbox", "--host=0.0.0.0", "--port=4000"]

FROM runtime AS worker
COPY --from=dependencies /app/node_modules node_modules
COPY LICENSE package.json ./
COPY examples examples
COPY --from=build /app/dist dist
ENV AUDIENCE_HEALTH_HOST=0.0.0.0 AUDIENCE_HEALTH_PORT=8080
USER node
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.AUDIENCE_HEALTH_PORT + '/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["audience", "worker"]
