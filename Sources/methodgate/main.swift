print("methodgate")
