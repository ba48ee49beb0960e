KVTransferConfig(
    kv_connector="OffloadingConnector",
    kv_role="kv_both",
    kv_connector_extra_config={
        "block_size": 64,               # tokens per block
        "cpu_bytes_to_use": 10_000_000_000,  # 10 GB CPU memory
    },
)
