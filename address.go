package warrener

// DefaultURL is the address of the broker when none is given.
const DefaultURL = "amqp://guest:guest@127.0.0.1:5672/"
