// Nothing: the target has precompiled headers only.
