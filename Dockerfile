# The service alone: docker build -t sts . && docker run -p 127.0.0.1:8080:8080 -v sts:/var/lib/sts sts
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY sts sts
RUN python -m venv /opt/sts && /opt/sts/bin/pip install --no-cache-dir --disable-pip-version-check .

FROM python:3.13-slim
RUN useradd --system --user-group --home-dir /var/lib/sts --create-home sts
COPY --from=build /opt/sts /opt/sts
ENV PATH=/opt/sts/bin:$PATH STS_HOME=/var/lib/sts PYTHONUNBUFFERED=1
USER sts
WORKDIR /var/lib/sts
VOLUME /var/lib/sts
EXPOSE 8080
# It listens on every address of the container: what reaches it is decided by what the container's port is bound to.
CMD ["sts", "serve", "--host", "0.0.0.0", "--port", "8080"]
