"""The Python that people type: datasets, features, steps, pipelines, models, endpoints, monitors."""
