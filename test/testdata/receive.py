"""Takes messages from a queue that is there, and prints each with its properties, as JSON, one a line.

receive.py URL QUEUE COUNT
"""
import json
import sys

import pika

url, queue, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
for method, properties, body in channel.consume(queue):
    print(json.dumps({
        "body": body.decode(),
        "exchange": method.exchange,
        "routing_key": method.routing_key,
        "type": properties.type,
        "message_id": properties.message_id,
        "content_type": properties.content_type,
        "delivery_mode": properties.delivery_mode,
        "priority": properties.priority,
        "timestamp": properties.timestamp,
        "app_id": properties.app_id,
        "headers": properties.headers,
    }, default=str), flush=True)
    channel.basic_ack(method.delivery_tag)
    count -= 1
    if count == 0:
        break
connection.close()
