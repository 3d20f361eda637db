"""Django: migrations, objects, transactions: orm_django.py HOST PORT USER PASSWORD DATABASE"""

import os
import sys
import tempfile

import django
from django.conf import settings
from django.core.management import call_command

host, port, user, password, database = sys.argv[1:6]


def say(*what):
    print(*what, flush=True)


folder = tempfile.TemporaryDirectory()
os.makedirs(f"{folder.name}/store/migrations")
for path, text in {
    "store/__init__.py": "",
    "store/migrations/__init__.py": "",
    "store/models.py": """
from django.db import models

class Customer(models.Model):
    name = models.CharField(max_length=50, unique=True)
    class Meta:
        app_label = "store"

class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="orders")
    price = models.DecimalField(max_digits=10, decimal_places=2)
    at = models.DateTimeField(auto_now_add=True)
    doc = models.JSONField(default=dict)
    class Meta:
        app_label = "store"
""",
}.items():
    with open(f"{folder.name}/{path}", "w") as file:
        file.write(text)
sys.path.insert(0, folder.name)
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.mysql", "HOST": host, "PORT": port, "USER": user,
                           "PASSWORD": password, "NAME": database, "CONN_MAX_AGE": 60,
                           "OPTIONS": {"charset": "utf8mb4", "isolation_level": "read committed"}}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "store"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    SECRET_KEY="of a test",
)
django.setup()

from django.db import IntegrityError, connection, models, transaction
from store.models import Customer, Order

call_command("makemigrations", "store", verbosity=0)
call_command("migrate", verbosity=1, no_color=True)
for number in range(10):
    customer = Customer.objects.create(name=f"customer {number}")
    Order.objects.create(customer=customer, price=number, doc={"n": number})
say(Order.objects.filter(doc__n=3).values_list("customer__name", "price").first())
say(Customer.objects.annotate(total=models.Sum("orders__price")).order_by("name").values_list("name", "total")[:3])
try:
    with transaction.atomic():
        Customer.objects.create(name="customer 1")
except IntegrityError as error:
    say("error", error.args[0])
with transaction.atomic():
    Customer.objects.create(name="kept")
    try:
        with transaction.atomic():
            Customer.objects.create(name="not kept")
            raise ValueError
    except ValueError:
        pass
say(list(Customer.objects.filter(name__endswith="kept").values_list("name", flat=True)))
with transaction.atomic():
    say(Customer.objects.select_for_update().get(name="kept").name)
say(Customer.objects.get_or_create(name="kept")[1], Customer.objects.get_or_create(name="fresh")[1])
say(Order.objects.bulk_create([Order(customer=customer, price=n) for n in range(20)])[0].price, Order.objects.count())
say(Order.objects.filter(price__gt=5).update(price=models.F("price") + 1))
say(Customer.objects.filter(name="customer 9").delete()[0])
say(sorted(connection.introspection.table_names()))
with connection.cursor() as cursor:
    cursor.execute("SELECT @@transaction_isolation" if not connection.mysql_is_mariadb else "SELECT @@tx_isolation")
    say(cursor.fetchone())
    cursor.callproc("two_results")
    say(cursor.fetchall())
connection.close()
call_command("migrate", "store", "zero", verbosity=0)
say(sorted(connection.introspection.table_names()))
