//! SeaORM: `matrix_sea_orm HOST PORT USER PASSWORD DATABASE`
#![allow(clippy::print_stdout, reason = "what it saw is what it is for")]
#![allow(unreachable_pub, reason = "the derived code wants its models to be public")]

use sea_orm::entity::prelude::*;
use sea_orm::{
    ActiveValue, Database, IntoActiveModel as _, IsolationLevel, QueryOrder as _, QuerySelect as _, Schema,
    TransactionTrait as _,
};

type Done = Result<(), Box<dyn std::error::Error>>;

mod customer {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "customers")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub name: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(has_many = "super::purchase::Entity")]
        Purchase,
    }

    impl Related<super::purchase::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Purchase.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod purchase {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "purchases")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub customer_id: i32,
        pub price: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::customer::Entity",
            from = "Column::CustomerId",
            to = "super::customer::Column::Id"
        )]
        Customer,
    }

    impl Related<super::customer::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Customer.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn named(name: &str) -> customer::ActiveModel {
    customer::ActiveModel { name: ActiveValue::Set(name.to_owned()), ..Default::default() }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, host, port, user, password, database] = arguments.as_slice() else {
        return Err("HOST PORT USER PASSWORD DATABASE".into());
    };
    let mut options = sea_orm::ConnectOptions::new(format!("mysql://{user}:{password}@{host}:{port}/{database}"));
    options.max_connections(3).sqlx_logging(false);
    let db = Database::connect(options).await?;
    let (backend, schema) = (db.get_database_backend(), Schema::new(db.get_database_backend()));
    db.execute(backend.build(&schema.create_table_from_entity(customer::Entity))).await?;
    db.execute(backend.build(&schema.create_table_from_entity(purchase::Entity))).await?;
    for n in 0..10 {
        let customer = named(&format!("customer {n}")).insert(&db).await?;
        let purchase = |price| purchase::ActiveModel {
            customer_id: ActiveValue::Set(customer.id),
            price: ActiveValue::Set(price),
            ..Default::default()
        };
        purchase::Entity::insert_many([purchase(n), purchase(n * 2)]).exec(&db).await?;
    }
    let found = customer::Entity::find().filter(customer::Column::Name.eq("customer 3")).one(&db).await?;
    println!("{found:?}");
    let all = customer::Entity::find().find_with_related(purchase::Entity);
    let all = all.order_by_asc(customer::Column::Id).order_by_asc(purchase::Column::Id).all(&db).await?;
    println!("{} {:?}", all.len(), all.get(4));
    let transaction = db.begin_with_config(Some(IsolationLevel::ReadCommitted), None).await?;
    let mut model = found.ok_or("customer 3")?.into_active_model();
    model.name = ActiveValue::Set("renamed".to_owned());
    println!("{:?}", model.update(&transaction).await?);
    let nested = transaction.begin().await?;
    println!("{}", named("customer 1").insert(&nested).await.is_err());
    nested.rollback().await?;
    let locked = customer::Entity::find_by_id(1).lock_exclusive().one(&transaction).await?;
    println!("{locked:?} {}", customer::Entity::find().count(&transaction).await?);
    transaction.rollback().await?;
    println!("{:?}", customer::Entity::find_by_id(4).one(&db).await?);
    let mut pages = customer::Entity::find().order_by_asc(customer::Column::Id).paginate(&db, 4);
    while let Some(page) = pages.fetch_and_next().await? {
        println!("{:?}", page.iter().map(|customer| customer.id).collect::<Vec<_>>());
    }
    let deleted = purchase::Entity::delete_many().filter(purchase::Column::Price.gt(5)).exec(&db).await?;
    println!("{}", deleted.rows_affected);
    let sum: Option<Option<i64>> = purchase::Entity::find()
        .select_only()
        .column_as(purchase::Column::Price.count(), "count")
        .into_tuple()
        .one(&db)
        .await?;
    println!("{sum:?}");
    db.close().await?;
    Ok(())
}
