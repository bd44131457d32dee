# The gateway as an image: built from this checkout and its lock file, run by nobody in particular.
#   docker compose build
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN pip install --no-cache-dir uv
COPY . .
RUN .ci/environment \
 && .venv/bin/python -m gateway.console.assets \
 && uv build -q --wheel --no-build-isolation --python .venv/bin/python --out-dir /wheel \
 && uv venv -q --python /usr/local/bin/python3 /opt/satomori \
 && VIRTUAL_ENV=/opt/satomori uv pip install -q --constraint requirements.lock "satomori[gateway] @ file://$(ls /wheel/*.whl)"

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="Satomori gateway" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/satomori /opt/satomori
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin satomori \
 && install -d -o satomori -g satomori -m 0700 /satomori /satomori/var /satomori/var/broker
ENV PATH=/opt/satomori/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /satomori
USER 10001:10001
EXPOSE 8420
ENTRYPOINT ["satomori"]
CMD ["run", "/satomori/town.toml"]
