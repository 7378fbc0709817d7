# The dashboard in a container; docs/docker.md says how to build and start it.
# DEVICE=cpu takes PyTorch's wheels without CUDA, DEVICE=gpu those with it.
FROM python:3.12-slim-trixie AS build
ARG DEVICE=cpu
WORKDIR /source
RUN python -m venv /opt/vitrine
ENV PATH="/opt/vitrine/bin:$PATH"
COPY requirements.txt ./
RUN if [ "$DEVICE" = cpu ]; then \
        grep -E '^torch(vision)?~' requirements.txt > torch.txt \
        && pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu --requirement torch.txt; \
    fi \
    && pip install --no-cache-dir --requirement requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY core core
COPY exports exports
COPY dashboard dashboard
RUN pip install --no-cache-dir --no-deps .

FROM python:3.12-slim-trixie
RUN useradd --create-home --uid 1000 vitrine && install --directory --owner 1000 /workspace
COPY --from=build /opt/vitrine /opt/vitrine
ENV PATH="/opt/vitrine/bin:$PATH" VITRINE_WORKSPACE=/workspace PYTHONUNBUFFERED=1
USER 1000
WORKDIR /home/vitrine
VOLUME /workspace
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://localhost:8501/_stcore/health', timeout=4)"]
ENTRYPOINT ["vitrine"]
CMD ["dashboard", "--address", "0.0.0.0", "--port", "8501"]
