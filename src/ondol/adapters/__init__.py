"""What fulfils the ports: databases, files and object stores, tables, processes. Only `home` imports these."""
