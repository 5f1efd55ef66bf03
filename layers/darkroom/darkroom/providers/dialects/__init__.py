"""The dialects of image APIs, a module each. A module's `Dialect` has the module's name in capitals."""
