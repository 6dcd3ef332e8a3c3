"""What checks stand on: small networks, short trainings, pretended devices, fresh processes."""
