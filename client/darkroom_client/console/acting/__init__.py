"""It carries out forms. Each form acts once, even if it is sent several times."""
