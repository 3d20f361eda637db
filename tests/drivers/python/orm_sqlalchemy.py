"""SQLAlchemy, over PyMySQL and mysqlclient, and Alembic's migrations: orm_sqlalchemy.py HOST PORT USER PASSWORD DATABASE"""

import sys

import alembic.migration
import alembic.operations
import sqlalchemy as sa
from sqlalchemy import orm

host, port, user, password, database = sys.argv[1:6]


def say(*what):
    print(*what, flush=True)


class Base(orm.DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"
    id = orm.mapped_column(sa.Integer, primary_key=True)
    name = orm.mapped_column(sa.String(50), unique=True)
    orders = orm.relationship("Order", back_populates="customer", cascade="all, delete-orphan")


class Order(Base):
    __tablename__ = "orders"
    id = orm.mapped_column(sa.Integer, primary_key=True)
    customer_id = orm.mapped_column(sa.ForeignKey("customers.id"))
    price = orm.mapped_column(sa.Numeric(10, 2))
    at = orm.mapped_column(sa.DateTime, server_default=sa.func.now())
    customer = orm.relationship("Customer", back_populates="orders")


def objects(engine):
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        session.add_all(Customer(name=f"customer {n}", orders=[Order(price=n), Order(price=n + 0.5)]) for n in range(10))
        session.commit()
        found = session.scalars(sa.select(Customer).where(Customer.name == "customer 3")).one()
        say(found.name, [str(order.price) for order in found.orders], found.orders[0].at is not None)
        found.name = "renamed"
        session.flush()
        say(session.scalar(sa.select(sa.func.count()).select_from(Customer).where(Customer.name == "renamed")))
        session.rollback()
        say(found.name)
        session.delete(found)
        session.commit()
        say(session.scalar(sa.select(sa.func.sum(Order.price))))
    with orm.Session(engine) as session:
        nested = session.begin_nested()
        session.add(Customer(name="customer 1"))
        try:
            session.flush()
        except sa.exc.IntegrityError as error:
            say("error", error.orig.args[0])
            nested.rollback()
        session.add(Customer(name="new"))
        session.commit()
        locked = session.scalars(sa.select(Customer).where(Customer.name == "new").with_for_update()).one()
        say(locked.name)
        session.rollback()
    levels = ["READ COMMITTED", "SERIALIZABLE", "AUTOCOMMIT", "REPEATABLE READ"]
    for level in levels:
        with engine.connect().execution_options(isolation_level=level) as connection:
            say(level, connection.execute(sa.text("SELECT COUNT(*) FROM customers")).scalar())
    with engine.connect().execution_options(stream_results=True) as connection:
        say(sum(1 for _ in connection.execute(sa.text("SELECT * FROM orders"))))
    inspector = sa.inspect(engine)
    say(sorted(inspector.get_table_names()))
    say([(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns("orders")])
    say([key["referred_table"] for key in inspector.get_foreign_keys("orders")])


def migrations(engine):
    with engine.begin() as connection:
        context = alembic.migration.MigrationContext.configure(connection)
        with alembic.operations.Operations.context(context):
            op = alembic.operations.Operations(context)
            op.create_table("migrated", sa.Column("id", sa.Integer, primary_key=True), sa.Column("a", sa.String(10)))
            op.add_column("migrated", sa.Column("b", sa.Integer, server_default="7"))
            op.create_index("by_a", "migrated", ["a"])
            op.bulk_insert(sa.table("migrated", sa.column("a", sa.String)), [{"a": "x"}, {"a": "y"}])
            op.alter_column("migrated", "a", existing_type=sa.String(10), new_column_name="c", nullable=False)
            op.execute("UPDATE migrated SET b = b + 1 WHERE c = 'x'")
        say(connection.execute(sa.text("SELECT id, c, b FROM migrated ORDER BY id")).fetchall())
    inspector = sa.inspect(engine)
    say([(index["name"], index["column_names"]) for index in inspector.get_indexes("migrated")])


for dialect in ("pymysql", "mysqldb"):
    say("==", dialect)
    url = f"mysql+{dialect}://{user}:{password}@{host}:{port}/{database}?charset=utf8mb4"
    engine = sa.create_engine(url, pool_size=2, max_overflow=1, pool_pre_ping=True, pool_recycle=100)
    objects(engine)
    migrations(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE migrated"))
    Base.metadata.drop_all(engine)
    engine.dispose()
