# One image for every process; the command says which one it runs.
FROM debian:12-slim AS build
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update && apt-get install -y --no-install-recommends make ca-certificates \
    && rm -rf /var/lib/apt/lists/*
# The front of several edges: `make setup` leaves it out, since one edge needs none.
RUN printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \
    && apt-get update && apt-get install -y --no-install-recommends kamailio kamailio-tls-modules \
    && rm -rf /var/lib/apt/lists/* /usr/sbin/policy-rc.d
WORKDIR /srv/trunkline
COPY . .
RUN make setup && rm -rf "$HOME/.cache/pip" /var/lib/apt/lists/*

FROM build
RUN useradd --system --create-home --home-dir /var/lib/trunkline trunkline
USER trunkline
ENV PATH=/srv/trunkline/.venv/bin:$PATH \
    TRUNKLINE_DATA_DIR=/var/lib/trunkline \
    TRUNKLINE_WEB_BIND_ADDRESS=0.0.0.0 \
    TRUNKLINE_MODEL_BIND_ADDRESS=0.0.0.0 \
    TRUNKLINE_LOG_FORMAT=json
VOLUME /var/lib/trunkline
ENTRYPOINT ["trunkline"]
CMD ["up"]
