# syntax=docker/dockerfile:1

# Pin the digest too where builds must be repeatable: node:24.21.0-bookworm-slim@sha256:…
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
RUN npm install --global pnpm@12.21.0
# Manifests only, so that this layer lasts until one of them changes.
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY apps/api/package.json apps/api/
COPY apps/cli/package.json apps/cli/
COPY packages/control-plane/package.json packages/control-plane/
COPY packages/installation/package.json packages/installation/
COPY packages/kernel/package.json packages/kernel/
COPY packages/shared/package.json packages/shared/
# The optional dependencies are Node itself, which this image has.
RUN pnpm install --frozen-lockfile --prod --no-optional --filter-prod '@tenantry/api...' --filter-prod '@tenantry/cli...'

FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Tenantry" \
      org.opencontainers.image.description="Control plane for multi-tenant SaaS" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
WORKDIR /app
# Owned by root: the service can read its code and change none of it.
COPY --from=dependencies /app ./
COPY apps/api/src apps/api/src
COPY apps/cli/src apps/cli/src
COPY packages packages
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000
USER node
EXPOSE 3000
STOPSIGNAL SIGTERM
# Alive, not ready: a container is not to be restarted because its database is away.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/livez`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Not by pnpm, which would stand between the signals and the process. Run it with `--init`.
CMD ["node", "--max-semi-space-size=4", "apps/api/src/production.ts"]
