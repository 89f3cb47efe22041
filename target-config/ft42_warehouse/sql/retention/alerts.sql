DELETE FROM {warehouse}.alerts WHERE over_at < {before}
