    SELECT {column_name}, {parent_name}, l.{column}
    WHERE l.{column} IS NOT NULL
    AND NOT EXISTS (SELECT FROM {parent} AS r WHERE r.id = l.{column}) AND {is_published_copy}
