SELECT WHERE NOT EXISTS (SELECT FROM {warehouse}.publishes)
