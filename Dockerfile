# imgbudget in an image: docker build --tag imgbudget . && docker run --rm --volume "$PWD:/work:ro" imgbudget check .
# See docs/install.md. The tag of the base is not a digest: each build takes the newest fixes of Debian and Python, and
# the provenance that the release workflow attaches names the digest that was used.
FROM python:3.14-slim-trixie AS build
ARG SOURCE_DATE_EPOCH=1577836800
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv /opt/build && python3 -m venv --without-pip /opt/imgbudget
COPY . /source
RUN /opt/build/bin/pip wheel --quiet --no-deps --wheel-dir /wheels /source
# extras such as [heif,pixels,text], from --build-arg EXTRAS=...
ARG EXTRAS=""
RUN /opt/build/bin/pip --python /opt/imgbudget/bin/python install --quiet "$(echo /wheels/imgbudget-*.whl)${EXTRAS}" \
    && /opt/imgbudget/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/imgbudget/lib

FROM python:3.14-slim-trixie
ARG VERSION=""
ARG REVISION=""
ARG SOURCE=""
LABEL org.opencontainers.image.title="imgbudget" \
      org.opencontainers.image.description="Linter for images and requests that are sent to vision models" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
# no user of the host: a mounted folder must be readable by all; to fix files in it, --user "$(id -u):$(id -g)"
RUN useradd --uid 10001 --user-group --no-log-init --create-home --shell /usr/sbin/nologin imgbudget
COPY --from=build /opt/imgbudget /opt/imgbudget
ENV PATH="/opt/imgbudget/bin:${PATH}" PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /work
ENTRYPOINT ["imgbudget"]
CMD ["--help"]
