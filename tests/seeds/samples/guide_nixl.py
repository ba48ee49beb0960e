KVTransferConfig(
    kv_connector="NixlConnector",
    kv_role="kv_both",
    kv_buffer_device="cuda",
    kv_connector_extra_config={
        "backends": ["UCX", "GDS"],     # NIXL backends
    },
)
