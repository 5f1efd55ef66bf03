"""The dialects of image APIs: each is a module whose one value has the module's name, in capitals."""
