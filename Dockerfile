# syntax=docker/dockerfile:1.7
# One image for every process of AlphaPulse; compose.yaml says which word each runs. No secret is in it: they come with the
# environment. Not built where it was written (docs/deployment.md).

FROM node:20.19.5-bookworm-slim AS dashboard
WORKDIR /src/dashboard
COPY dashboard/package.json dashboard/package-lock.json dashboard/.npmrc ./
RUN npm ci
COPY dashboard/ ./
RUN npm run build

FROM python:3.11.14-slim-bookworm AS installed
WORKDIR /src
RUN python -m venv /opt/alphapulse
ENV PATH=/opt/alphapulse/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.lock pyproject.toml README.md LICENSE dagster.yaml workspace.yaml ./
COPY sql sql
COPY alphapulse alphapulse
COPY api api
COPY collectors collectors
COPY streamer streamer
COPY replay replay
COPY launcher launcher
COPY alphapulse_pipelines alphapulse_pipelines
COPY --from=dashboard /src/dashboard/dist dashboard/dist
# The lock also names what tests need; as constraints it only says which releases.
RUN pip install --constraint requirements.lock .

FROM python:3.11.14-slim-bookworm
RUN groupadd --gid 10001 alphapulse \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/alphapulse --shell /usr/sbin/nologin alphapulse \
    && install -d -o 10001 -g 10001 -m 0750 /var/lib/alphapulse
COPY --from=installed /opt/alphapulse /opt/alphapulse
ENV PATH=/opt/alphapulse/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ALPHAPULSE_HOME=/var/lib/alphapulse
WORKDIR /var/lib/alphapulse
USER 10001:10001
EXPOSE 5000 8766 3001
ENTRYPOINT ["alphapulse"]
CMD ["--help"]
