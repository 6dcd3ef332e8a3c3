"""From files to tensors: decode once, map into memory, batch on the device."""
