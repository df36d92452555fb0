# The service alone, for this host (make the first account by the same with `sts init` at the end):
#   docker build -t sts .
#   docker run --read-only -p 127.0.0.1:8080:8080 -v sts:/var/lib/sts -e STS_ISSUER=http://127.0.0.1:8080 sts
# With PostgreSQL, Redis and a balancer: deploy/compose.yaml. Nothing but STS_HOME is written to, so --read-only holds.
# The same sources make the same files, whenever it is built: every package is pinned by its hash, and every time is
# SOURCE_DATE_EPOCH (BuildKit takes it for the layers too: --output type=image,rewrite-timestamp=true).
ARG PYTHON=3.13-slim-trixie

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore
ARG SOURCE_DATE_EPOCH=0
WORKDIR /src
COPY deploy/image/requirements.lock deploy/image/build.lock ./
RUN python -m venv --without-pip /opt/sts \
    && pip --python /opt/sts install --require-hashes --only-binary :all: --requirement requirements.lock \
    && pip install --require-hashes --only-binary :all: --requirement build.lock
COPY pyproject.toml README.md LICENSE ./
COPY sts sts
# Of botocore only two service models are read. Bytecode is made here, since nobody may write it later, and is not
# compared with the time of its source.
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip --python /opt/sts install --no-deps /wheels/*.whl \
    && find /opt/sts/lib/python*/site-packages/botocore/data -mindepth 1 -maxdepth 1 -type d \
         ! -name sts ! -name iam -exec rm -r {} + \
    && /opt/sts/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/sts/lib \
    && find /opt/sts -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH}" {} +

FROM python:${PYTHON} AS runtime
RUN groupadd --gid 10001 sts \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/sts --no-create-home --shell /usr/sbin/nologin sts \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/sts /var/lib/sts/keys /var/lib/sts/backups
COPY --from=build /opt/sts /opt/sts
ENV PATH=/opt/sts/bin:$PATH STS_HOME=/var/lib/sts PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# By number, so that whoever runs it can see that it is not root.
USER 10001:10001
WORKDIR /var/lib/sts

# For `sts backup` of a PostgreSQL: docker build --target operator -t sts-operator .
FROM runtime AS operator
USER 0:0
# Debian keeps one version of a package, and takes the one before away.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/*
USER 10001:10001
CMD ["sts", "--help"]

FROM runtime
ARG VERSION=0.1.0 REVISION=unknown
LABEL org.opencontainers.image.title="sts" \
      org.opencontainers.image.description="An identity and security-token service that every AWS SDK knows how to talk to" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
EXPOSE 8080
# Whether it answers at all; whether it can serve is asked by balancers (/readyz).
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8080, timeout=4); c.request('GET', '/livez'); raise SystemExit(c.getresponse().status != 200)"]
# It listens on every address of the container: what reaches it is decided by what the container's port is bound to.
CMD ["sts", "serve", "--host", "0.0.0.0", "--port", "8080"]
