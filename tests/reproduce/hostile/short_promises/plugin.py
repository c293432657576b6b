"""Says of every job that it will run for a second, so that jobs are let ahead that then stand in the way."""


class ShortPromises:
    def predict(self, data):
        return 1000.0
