"""RabbitMQ: connection, topology, consuming and publishing. No words of messages or models."""
