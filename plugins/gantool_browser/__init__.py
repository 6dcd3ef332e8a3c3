"""A page that runs a generator in the browser.

Plain JavaScript on typed arrays, with the weights inside, rather than onnxruntime-web: its
WebAssembly alone is larger than most generators, and a page opened from a file may not fetch it.
"""
