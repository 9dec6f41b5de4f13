"""A service in another language that has orders shipped. Needs pika and nothing of Warrener.

python3 orders.py URL COUNT [--within SECONDS]: later than that nobody wants them any more.
"""
import argparse
import datetime
import json
import uuid

import pika

parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("count", type=int)
parser.add_argument("--within", type=float)
args = parser.parse_args()

headers = {}
if args.within is not None:
    expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=args.within)
    headers["warrener-expires-at"] = expires.isoformat(timespec="milliseconds")
connection = pika.BlockingConnection(pika.URLParameters(args.url))
channel = connection.channel()
channel.confirm_delivery()  # basic_publish then raises when the broker did not take it, or has no such queue
for number in range(args.count):
    channel.basic_publish(
        exchange="warrener.work",
        routing_key="default",
        body=json.dumps({"item": f"lamp {number}", "count": 1}),
        properties=pika.BasicProperties(
            type="order.ship", message_id=str(uuid.uuid4()), content_type="application/json", delivery_mode=2, headers=headers
        ),
        mandatory=True,
    )
connection.close()
print(args.count)
